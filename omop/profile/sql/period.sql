-- What is counted of periods of observation, base 100, and of payer plans, base 1400.
CREATE OR REPLACE TEMP TABLE first_period AS
SELECT
    person_id,
    any_value(gender_concept_id)                                AS gender_concept_id,
    year(min(start_date)) - any_value(year_of_birth)            AS age,
    arg_min(end_date, start_date) - min(start_date)             AS days,
    count(*)                                                    AS periods
FROM period JOIN cdm.person USING (person_id)
WHERE end_date >= start_date
GROUP BY person_id;

-- 06 and 07, days of a person's first period, by gender, by age decile; 08, persons by
-- its length in 30 days; 13, persons by number of periods.
INSERT INTO profile.tally BY NAME
SELECT getvariable('base') + 6 AS analysis_id, gender_concept_id AS stratum_1, days AS value, count(*) AS n FROM first_period GROUP BY ALL
UNION ALL
SELECT getvariable('base') + 7, decile(age), days, count(*) FROM first_period WHERE age >= 0 GROUP BY ALL
UNION ALL
SELECT getvariable('base') + 8, days // 30, NULL, count(*) FROM first_period GROUP BY ALL
UNION ALL
SELECT getvariable('base') + 13, periods, NULL, count(*) FROM first_period GROUP BY ALL;

-- 09 and 10, persons with a period that covers a whole year, a whole month. Where periods
-- of a person overlap, what an earlier one has covered is not counted again.
INSERT INTO profile.tally BY NAME
WITH covered AS (
    SELECT
        person_id,
        year(start_date) + (dayofyear(start_date) > 1)::INT                AS first_year,
        year(end_date + 1) - 1                                             AS last_year,
        month_number(start_date) + (day(start_date) > 1)::INT              AS first_month,
        month_number(end_date + 1) - 1                                     AS last_month
    FROM period
),
years AS (
    SELECT greatest(first_year, 1 + coalesce(max(last_year) OVER before, 0)) AS first, last_year AS last
    FROM covered WHERE first_year <= last_year
    WINDOW before AS (PARTITION BY person_id ORDER BY first_year, last_year ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
months AS (
    SELECT greatest(first_month, 1 + coalesce(max(last_month) OVER before, 0)) AS first, last_month AS last
    FROM covered WHERE first_month <= last_month
    WINDOW before AS (PARTITION BY person_id ORDER BY first_month, last_month ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
SELECT getvariable('base') + 9 AS analysis_id, CAST(year AS VARCHAR) AS stratum_1, count(*) AS n
FROM (SELECT unnest(range(first, last + 1)) AS year FROM years WHERE first <= last) GROUP BY ALL
UNION ALL
SELECT getvariable('base') + 10, month_text(month), sum(n)
FROM (SELECT unnest(range(first, last + 1)) AS month, n FROM (SELECT first, last, count(*) AS n FROM months WHERE first <= last GROUP BY ALL)) GROUP BY ALL;

-- 11 and 12, persons by the months in which periods begin and end.
INSERT INTO profile.tally BY NAME
SELECT getvariable('base') + 11 AS analysis_id, month_of(start_date) AS stratum_1, count(DISTINCT person_id) AS n FROM period GROUP BY ALL
UNION ALL
SELECT getvariable('base') + 12, month_of(end_date), count(DISTINCT person_id) FROM period GROUP BY ALL;
