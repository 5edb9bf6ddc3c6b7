CREATE OR REPLACE TEMP VIEW told AS
SELECT *, observation_concept_id AS concept_id, qualifier_concept_id AS manner_concept_id
FROM cdm.observation
WHERE person_id BETWEEN getvariable('first_person') AND getvariable('last_person');

-- 814, records with neither number, text nor concept as value.
INSERT INTO profile.tally BY NAME
SELECT 814 AS analysis_id, count(*) AS n
FROM told WHERE value_as_number IS NULL AND value_as_string IS NULL AND coalesce(value_as_concept_id, 0) = 0;
