-- visit_occurrence: encounters that claims name.
-- Source: claims.
-- Rule: a claim names the encounter that it was made for. Where a hospital deposits that encounter too, its account
--   of the visit is preferred. A claim does not say what kind of visit it was: concept 0.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, VISIT_OCCURRENCE
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#visit_occurrence)
SELECT
    appointmentid                  AS key,
    person_id,
    0                              AS visit_concept_id,
    CAST(min(servicedate) AS DATE) AS visit_start_date,
    min(servicedate)               AS visit_start_datetime,
    CAST(max(servicedate) AS DATE) AS visit_end_date,
    max(servicedate)               AS visit_end_datetime,
    32810                          AS visit_type_concept_id, -- claim
    arg_min(providerid, line)      AS provider_key,
    'claims'                       AS source_table,
    min(line)                      AS source_line,
    list(line ORDER BY line)       AS source_lines
FROM claims
GROUP BY appointmentid, person_id
