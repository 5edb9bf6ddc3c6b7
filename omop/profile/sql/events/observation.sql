CREATE OR REPLACE TEMP VIEW event AS
SELECT
    person_id,
    observation_concept_id AS concept_id,
    observation_date AS date,
    observation_date AS end_date,
    observation_type_concept_id AS type_concept_id,
    observation_source_concept_id AS source_concept_id,
    observation_source_value AS source_value,
    visit_occurrence_id AS visit_occurrence_id,
    visit_detail_id AS visit_detail_id
FROM cdm.observation
WHERE person_id BETWEEN getvariable('first_person') AND getvariable('last_person');
