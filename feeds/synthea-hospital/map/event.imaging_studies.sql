-- event.imaging_studies: imaging.
-- Source: imaging_studies.
-- Rule: one event a row; codes are SNOMED. 32817: EHR.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, conventions
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT
    person_id,
    'Procedure'       AS domain_id,
    'SNOMED'          AS vocabulary_id,
    procedure_code    AS concept_code,
    32817             AS type_concept_id, -- EHR
    date              AS start_datetime,
    encounter         AS visit_key,
    'imaging_studies' AS source_table,
    line              AS source_line
FROM imaging_studies
