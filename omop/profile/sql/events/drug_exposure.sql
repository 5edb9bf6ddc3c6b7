CREATE OR REPLACE TEMP VIEW event AS
SELECT
    person_id,
    drug_concept_id AS concept_id,
    drug_exposure_start_date AS date,
    drug_exposure_end_date AS end_date,
    drug_type_concept_id AS type_concept_id,
    drug_source_concept_id AS source_concept_id,
    drug_source_value AS source_value,
    visit_occurrence_id AS visit_occurrence_id,
    visit_detail_id AS visit_detail_id
FROM cdm.drug_exposure
WHERE person_id BETWEEN getvariable('first_person') AND getvariable('last_person');
