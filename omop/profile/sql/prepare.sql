-- What the analyses write to. A tally is a number of persons or records by strata; of a
-- distribution, by the value too. Tallies of parts of the persons add up.
CREATE SCHEMA profile;

CREATE TABLE profile.achilles_analysis (
    analysis_id    INTEGER,
    analysis_name  VARCHAR,
    stratum_1_name VARCHAR,
    stratum_2_name VARCHAR,
    stratum_3_name VARCHAR,
    stratum_4_name VARCHAR,
    stratum_5_name VARCHAR,
    is_default     INTEGER,
    category       VARCHAR
);

CREATE TABLE profile.tally (
    analysis_id INTEGER,
    stratum_1   VARCHAR,
    stratum_2   VARCHAR,
    stratum_3   VARCHAR,
    value       DOUBLE,
    n           BIGINT
);

-- Which tables tell of a person, and the last day of each.
CREATE TABLE profile.last_told (
    person_id  BIGINT,
    table_name VARCHAR,
    last_date  DATE
);

CREATE MACRO month_of(day) AS year(day) * 100 + month(day);
CREATE MACRO month_number(day) AS year(day) * 12 + month(day) - 1;
CREATE MACRO month_text(number) AS CAST(number // 12 * 100 + number % 12 + 1 AS VARCHAR);
CREATE MACRO decile(age) AS CAST(floor(age / 10) AS INTEGER);
