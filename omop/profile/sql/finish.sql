-- Results in Achilles' own layout.
CREATE TABLE profile.achilles_results AS
WITH counted AS (
    SELECT t.analysis_id, t.stratum_1, t.stratum_2, t.stratum_3, t.n
    FROM profile.tally t
    SEMI JOIN (FROM profile.achilles_analysis WHERE is_default = 1) a USING (analysis_id)
    WHERE t.value IS NULL
)
SELECT analysis_id, stratum_1, stratum_2, stratum_3, NULL::VARCHAR AS stratum_4, NULL::VARCHAR AS stratum_5, n AS count_value
FROM counted
WHERE analysis_id % 100 NOT IN (4, 91) OR analysis_id IN (504, 2004)
UNION ALL BY NAME
SELECT analysis_id, stratum_1, stratum_2, split_part(stratum_3, '/', 1) AS stratum_3, split_part(stratum_3, '/', 2) AS stratum_4, n AS count_value
FROM counted
WHERE analysis_id % 100 = 4 AND analysis_id NOT IN (504, 2004)
UNION ALL BY NAME
SELECT -- who has at least so many records, of who has exactly so many
    analysis_id, stratum_1, stratum_2,
    sum(n) OVER (PARTITION BY analysis_id, stratum_1 ORDER BY CAST(stratum_2 AS BIGINT) DESC)::BIGINT AS count_value
FROM counted
WHERE analysis_id % 100 = 91
UNION ALL BY NAME
SELECT 0 AS analysis_id, getvariable('source') AS stratum_1, getvariable('version') AS stratum_2, getvariable('day') AS stratum_3, count(*) AS count_value
FROM cdm.person;

UPDATE profile.achilles_results
SET stratum_2 = round(count_value / (SELECT count(*) FROM cdm.person), 4)
WHERE analysis_id = 2004;

CREATE TABLE profile.achilles_results_dist AS
WITH spread AS (
    SELECT
        *,
        sum(n) OVER (PARTITION BY analysis_id, stratum_1, stratum_2, stratum_3 ORDER BY value) AS so_far,
        sum(n) OVER (PARTITION BY analysis_id, stratum_1, stratum_2, stratum_3)                AS total
    FROM profile.tally
    SEMI JOIN (FROM profile.achilles_analysis WHERE is_default = 1) a USING (analysis_id)
    WHERE value IS NOT NULL
)
SELECT
    analysis_id, stratum_1, stratum_2, stratum_3, NULL::VARCHAR AS stratum_4, NULL::VARCHAR AS stratum_5,
    sum(n)::BIGINT                                       AS count_value,
    min(value)                                           AS min_value,
    max(value)                                           AS max_value,
    sum(n * value) / sum(n)                              AS avg_value,
    CASE WHEN sum(n) > 1 THEN sqrt(greatest(0, sum(n * value * value) - sum(n * value) ^ 2 / sum(n)) / (sum(n) - 1)) ELSE 0 END AS stdev_value,
    min(value) FILTER (so_far >= 0.5 * total)            AS median_value,
    min(value) FILTER (so_far >= 0.1 * total)            AS p10_value,
    min(value) FILTER (so_far >= 0.25 * total)           AS p25_value,
    min(value) FILTER (so_far >= 0.75 * total)           AS p75_value,
    min(value) FILTER (so_far >= 0.9 * total)            AS p90_value
FROM spread
GROUP BY analysis_id, stratum_1, stratum_2, stratum_3;

DROP TABLE profile.tally;
DROP TABLE profile.last_told;
DROP MACRO month_of; DROP MACRO month_number; DROP MACRO month_text; DROP MACRO decile;
