CREATE OR REPLACE TEMP VIEW event AS
SELECT
    person_id,
    condition_concept_id AS concept_id,
    condition_start_date AS date,
    condition_end_date AS end_date,
    condition_type_concept_id AS type_concept_id,
    condition_source_concept_id AS source_concept_id,
    condition_source_value AS source_value,
    visit_occurrence_id AS visit_occurrence_id,
    visit_detail_id AS visit_detail_id
FROM cdm.condition_occurrence
WHERE person_id BETWEEN getvariable('first_person') AND getvariable('last_person');
