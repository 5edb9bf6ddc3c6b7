-- visit_occurrence.stays: billed stays.
-- Source: stays.
-- Rule: a billed stay is the hospital's visit: both carry the stay's key, and the hospital's record is believed
--   first. 32810: claim.
-- Reference: OMOP CDM 5.4, VISIT_OCCURRENCE (https://ohdsi.github.io/CommonDataModel/cdm54.html#visit_occurrence)
SELECT
    person_id,
    stay_id                                                                       AS key,
    CASE kind WHEN 'inpatient' THEN 9201 WHEN 'emergency' THEN 9203 ELSE 9202 END AS visit_concept_id,
    entry                                                                         AS visit_start_date,
    coalesce("exit", entry)                                                       AS visit_end_date,
    32810                                                                         AS visit_type_concept_id,
    kind                                                                          AS visit_source_value,
    'stays'                                                                       AS source_table,
    line                                                                          AS source_line
FROM stays
