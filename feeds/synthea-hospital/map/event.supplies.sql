-- event.supplies: supplies.
-- Source: supplies.
-- Rule: one event a row; codes are SNOMED. 32817: EHR.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, conventions
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT
    person_id,
    'Device'   AS domain_id,
    'SNOMED'   AS vocabulary_id,
    code       AS concept_code,
    32817      AS type_concept_id, -- EHR
    date       AS start_date,
    quantity,
    encounter  AS visit_key,
    'supplies' AS source_table,
    line       AS source_line
FROM supplies
