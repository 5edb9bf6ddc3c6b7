CREATE OR REPLACE TEMP VIEW event AS
SELECT
    person_id,
    visit_concept_id AS concept_id,
    visit_start_date AS date,
    visit_end_date AS end_date,
    visit_type_concept_id AS type_concept_id,
    visit_source_concept_id AS source_concept_id,
    visit_source_value AS source_value,
    NULL AS visit_occurrence_id,
    NULL AS visit_detail_id
FROM cdm.visit_occurrence
WHERE person_id BETWEEN getvariable('first_person') AND getvariable('last_person');
