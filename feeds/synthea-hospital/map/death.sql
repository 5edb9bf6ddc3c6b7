-- death: deaths.
-- Source: patients.
-- Rule: where a patient has a date of death. 32817: EHR.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, DEATH
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#death)
SELECT
    person_id,
    deathdate  AS death_date,
    32817      AS death_type_concept_id, -- EHR
    'patients' AS source_table,
    line       AS source_line
FROM patients
WHERE deathdate IS NOT NULL
