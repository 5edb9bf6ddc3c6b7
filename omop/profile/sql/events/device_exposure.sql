CREATE OR REPLACE TEMP VIEW event AS
SELECT
    person_id,
    device_concept_id AS concept_id,
    device_exposure_start_date AS date,
    device_exposure_end_date AS end_date,
    device_type_concept_id AS type_concept_id,
    device_source_concept_id AS source_concept_id,
    device_source_value AS source_value,
    visit_occurrence_id AS visit_occurrence_id,
    visit_detail_id AS visit_detail_id
FROM cdm.device_exposure
WHERE person_id BETWEEN getvariable('first_person') AND getvariable('last_person');
