CREATE OR REPLACE TEMP VIEW event AS
SELECT
    person_id,
    condition_concept_id AS concept_id,
    condition_era_start_date AS date,
    condition_era_end_date AS end_date,
    NULL AS type_concept_id,
    NULL AS source_concept_id,
    NULL AS source_value,
    NULL AS visit_occurrence_id,
    NULL AS visit_detail_id
FROM cdm.condition_era
WHERE person_id BETWEEN getvariable('first_person') AND getvariable('last_person');
