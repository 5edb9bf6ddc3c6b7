CREATE OR REPLACE TEMP VIEW told AS
SELECT *, observation_concept_id AS concept_id
FROM cdm.observation
WHERE person_id BETWEEN getvariable('first_person') AND getvariable('last_person');

-- 807 and 827, records by unit.
INSERT INTO profile.tally BY NAME
SELECT 807 AS analysis_id, concept_id AS stratum_1, unit_concept_id AS stratum_2, count(*) AS n FROM told WHERE unit_concept_id IS NOT NULL GROUP BY ALL
UNION ALL
SELECT 827, unit_concept_id, NULL, count(*) FROM told WHERE unit_concept_id IS NOT NULL GROUP BY ALL;

-- 814, records with neither number, text nor concept as value.
INSERT INTO profile.tally BY NAME
SELECT 814 AS analysis_id, count(*) AS n
FROM told WHERE value_as_number IS NULL AND value_as_string IS NULL AND coalesce(value_as_concept_id, 0) = 0;

-- 815, numbers by concept and unit.
INSERT INTO profile.tally BY NAME
SELECT 815 AS analysis_id, concept_id AS stratum_1, coalesce(unit_concept_id, 0) AS stratum_2, value_as_number AS value, count(*) AS n
FROM told WHERE isfinite(value_as_number) GROUP BY ALL;

-- 822, 823 and 826, records by value and qualifier.
INSERT INTO profile.tally BY NAME
SELECT 822 AS analysis_id, concept_id AS stratum_1, value_as_concept_id AS stratum_2, count(*) AS n FROM told WHERE value_as_concept_id IS NOT NULL GROUP BY ALL
UNION ALL
SELECT 823, concept_id, qualifier_concept_id, count(*) FROM told WHERE qualifier_concept_id IS NOT NULL GROUP BY ALL
UNION ALL
SELECT 826, value_as_concept_id, NULL, count(*) FROM told WHERE value_as_concept_id IS NOT NULL GROUP BY ALL;
