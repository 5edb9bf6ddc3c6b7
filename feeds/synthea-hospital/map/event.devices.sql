-- event.devices: devices.
-- Source: devices.
-- Rule: one event a row; codes are SNOMED. 32817: EHR.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, conventions
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT
    person_id,
    'Device'  AS domain_id,
    'SNOMED'  AS vocabulary_id,
    code      AS concept_code,
    32817     AS type_concept_id, -- EHR
    start     AS start_datetime,
    stop      AS end_datetime,
    encounter AS visit_key,
    'devices' AS source_table,
    line      AS source_line
FROM devices
