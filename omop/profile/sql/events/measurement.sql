CREATE OR REPLACE TEMP VIEW event AS
SELECT
    person_id,
    measurement_concept_id AS concept_id,
    measurement_date AS date,
    measurement_date AS end_date,
    measurement_type_concept_id AS type_concept_id,
    measurement_source_concept_id AS source_concept_id,
    measurement_source_value AS source_value,
    visit_occurrence_id AS visit_occurrence_id,
    visit_detail_id AS visit_detail_id
FROM cdm.measurement
WHERE person_id BETWEEN getvariable('first_person') AND getvariable('last_person');
