-- condition_occurrence: conditions.
-- Source: condition_occurrence, part.
-- Rule: taken as it is. Numbers become keys that name the deposit, so that those of two deposits never meet; texts
--   are cut to the length that the CDM allows.
-- Reference: OMOP CDM 5.4, CONDITION_OCCURRENCE
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#condition_occurrence)
SELECT
    deposit() || ':condition_occurrence:' || condition_occurrence_id AS key,
    person_id,
    condition_concept_id,
    condition_start_date,
    condition_start_datetime,
    condition_end_date,
    condition_end_datetime,
    condition_type_concept_id,
    condition_status_concept_id,
    left(stop_reason, 20)                                    AS stop_reason,
    deposit() || ':provider:' || provider_id                 AS provider_key,
    CASE WHEN coalesce(visit_occurrence_id, whole) = whole
         THEN deposit() || ':visit_detail:' || visit_detail_id
         ELSE deposit() || ':visit_occurrence:' || visit_occurrence_id END AS visit_key,
    left(condition_source_value, 50)                         AS condition_source_value,
    condition_source_concept_id,
    left(condition_status_source_value, 50)                  AS condition_status_source_value,
    'condition_occurrence'                                   AS source_table,
    line                                                     AS source_line
FROM condition_occurrence
LEFT JOIN part USING (person_id, visit_detail_id)
