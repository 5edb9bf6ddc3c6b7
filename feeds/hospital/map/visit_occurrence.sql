-- visit_occurrence: one visit a stay.
-- Source: stays.
-- Rule: one visit a stay, under the stay's key, which the insurer's bill carries too. 32827: EHR encounter record.
--   A stay without an end is still running: it counts to its beginning.
-- Reference: OMOP CDM 5.4, VISIT_OCCURRENCE (https://ohdsi.github.io/CommonDataModel/cdm54.html#visit_occurrence)
SELECT
    person_id,
    stay_id                                                                       AS key,
    CASE kind WHEN 'inpatient' THEN 9201 WHEN 'emergency' THEN 9203 ELSE 9202 END AS visit_concept_id,
    CAST(entry AS DATE)                                                           AS visit_start_date,
    entry                                                                         AS visit_start_datetime,
    CAST(coalesce("exit", entry) AS DATE)                                         AS visit_end_date,
    "exit"                                                                        AS visit_end_datetime,
    32827                                                                         AS visit_type_concept_id,
    kind                                                                          AS visit_source_value,
    exit_mode                                                                     AS discharged_to_source_value,
    practitioner_id                                                               AS provider_key,
    finess || '/' || ward                                                         AS care_site_key,
    'stays'                                                                       AS source_table,
    line                                                                          AS source_line
FROM stays
