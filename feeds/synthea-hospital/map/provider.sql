-- provider: who gave care.
-- Source: providers.
-- Rule: one provider a row; its place of care is its organisation.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, PROVIDER
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#provider)
SELECT
    id                                                           AS key,
    organization                                                 AS care_site_key,
    CASE gender WHEN 'M' THEN 8507 WHEN 'F' THEN 8532 ELSE 0 END AS gender_concept_id,
    gender                                                       AS gender_source_value,
    left(speciality, 50)                                         AS specialty_source_value,
    'providers'                                                  AS source_table,
    line                                                         AS source_line
FROM providers
