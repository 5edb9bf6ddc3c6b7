-- 1 to 5, 10 and 12, persons by what is written of them.
INSERT INTO profile.tally BY NAME
SELECT 1 AS analysis_id, NULL AS stratum_1, NULL AS stratum_2, count(*) AS n FROM cdm.person
UNION ALL
SELECT 2, gender_concept_id, NULL, count(*) FROM cdm.person GROUP BY ALL
UNION ALL
SELECT 3, year_of_birth, NULL, count(*) FROM cdm.person GROUP BY ALL
UNION ALL
SELECT 4, race_concept_id, NULL, count(*) FROM cdm.person GROUP BY ALL
UNION ALL
SELECT 5, ethnicity_concept_id, NULL, count(*) FROM cdm.person GROUP BY ALL
UNION ALL
SELECT 10, year_of_birth, gender_concept_id, count(*) FROM cdm.person GROUP BY ALL
UNION ALL
SELECT 11, year_of_birth, gender_concept_id, count(*) FROM cdm.person ANTI JOIN cdm.death USING (person_id) GROUP BY ALL
UNION ALL
SELECT 12, race_concept_id, ethnicity_concept_id, count(*) FROM cdm.person GROUP BY ALL;

-- 500 to 525, deaths.
INSERT INTO profile.tally BY NAME
WITH died AS (
    SELECT d.*, p.gender_concept_id, year(d.death_date) - p.year_of_birth AS age
    FROM cdm.death d JOIN cdm.person p USING (person_id)
)
SELECT 500 AS analysis_id, coalesce(cause_concept_id, 0) AS stratum_1, NULL AS stratum_2, NULL AS stratum_3, NULL AS value, count(DISTINCT person_id) AS n FROM died GROUP BY ALL
UNION ALL
SELECT 501, coalesce(cause_concept_id, 0), NULL, NULL, NULL, count(*) FROM died GROUP BY ALL
UNION ALL
SELECT 502, month_of(death_date), NULL, NULL, NULL, count(DISTINCT person_id) FROM died GROUP BY ALL
UNION ALL
SELECT 504, year(death_date), gender_concept_id, decile(age), NULL, count(DISTINCT person_id) FROM died WHERE age >= 0 GROUP BY ALL
UNION ALL
SELECT 505, death_type_concept_id, NULL, NULL, NULL, count(*) FROM died GROUP BY ALL
UNION ALL
SELECT 506, gender_concept_id, NULL, NULL, age, count(*) FROM died WHERE age >= 0 GROUP BY ALL
UNION ALL
SELECT 525, cause_source_concept_id, NULL, NULL, NULL, count(*) FROM died WHERE cause_source_concept_id IS NOT NULL GROUP BY ALL;
