-- event.immunizations: vaccines given.
-- Source: immunizations.
-- Rule: one event a row; codes are CVX. 32817: EHR.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, conventions
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT
    person_id,
    'Drug'          AS domain_id,
    'CVX'           AS vocabulary_id,
    code            AS concept_code,
    32817           AS type_concept_id, -- EHR
    date            AS start_datetime,
    encounter       AS visit_key,
    deposit() || ':immunizations:' || line AS key,
    'immunizations' AS source_table,
    line            AS source_line
FROM immunizations
