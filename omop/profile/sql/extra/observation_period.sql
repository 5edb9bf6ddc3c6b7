-- 101 to 105, age at a person's first observation, and its length in days.
INSERT INTO profile.tally BY NAME
SELECT 101 AS analysis_id, age AS stratum_1, NULL AS stratum_2, NULL AS value, count(*) AS n FROM first_period WHERE age >= 0 GROUP BY ALL
UNION ALL
SELECT 102, gender_concept_id, age, NULL, count(*) FROM first_period WHERE age >= 0 GROUP BY ALL
UNION ALL
SELECT 103, NULL, NULL, age, count(*) FROM first_period WHERE age >= 0 GROUP BY ALL
UNION ALL
SELECT 104, gender_concept_id, NULL, age, count(*) FROM first_period WHERE age >= 0 GROUP BY ALL
UNION ALL
SELECT 105, NULL, NULL, days, count(*) FROM first_period GROUP BY ALL;

-- 116 and 117, persons with a day of observation in a year, by gender and age decile; in a
-- month.
INSERT INTO profile.tally BY NAME
WITH touched AS (
    SELECT
        person_id,
        greatest(year(start_date), 1 + coalesce(max(year(end_date)) OVER before, 0))                 AS first_year,
        year(end_date)                                                                               AS last_year,
        greatest(month_number(start_date), 1 + coalesce(max(month_number(end_date)) OVER before, 0)) AS first_month,
        month_number(end_date)                                                                       AS last_month
    FROM period
    WINDOW before AS (PARTITION BY person_id ORDER BY start_date, end_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
years AS (
    SELECT p.gender_concept_id, p.year_of_birth, unnest(range(t.first_year, t.last_year + 1)) AS year
    FROM touched t JOIN cdm.person p USING (person_id)
    WHERE t.first_year <= t.last_year
)
SELECT 116 AS analysis_id, CAST(year AS VARCHAR) AS stratum_1, gender_concept_id AS stratum_2, decile(year - year_of_birth) AS stratum_3, count(*) AS n
FROM years WHERE year >= year_of_birth GROUP BY ALL
UNION ALL
SELECT 117, month_text(month), NULL, NULL, sum(n)
FROM (SELECT unnest(range(first_month, last_month + 1)) AS month, n FROM (SELECT first_month, last_month, count(*) AS n FROM touched WHERE first_month <= last_month GROUP BY ALL)) GROUP BY ALL;

-- 119, records by type.
INSERT INTO profile.tally BY NAME
SELECT 119 AS analysis_id, period_type_concept_id AS stratum_1, count(*) AS n FROM cdm.observation_period GROUP BY ALL;
