-- specimen: samples taken of patients.
-- Source: specimen.
-- Rule: taken as it is, but for the number that the source has for it, by which it would be found there. Numbers become
--   keys that name the deposit, so that those of two deposits never meet; texts are cut to the length that the CDM
--   allows.
-- Reference: OMOP CDM 5.4, SPECIMEN (https://ohdsi.github.io/CommonDataModel/cdm54.html#specimen)
SELECT
    deposit() || ':specimen:' || specimen_id AS key,
    person_id,
    specimen_concept_id,
    specimen_type_concept_id,
    specimen_date,
    specimen_datetime,
    quantity,
    unit_concept_id,
    anatomic_site_concept_id,
    disease_status_concept_id,
    left(specimen_source_value, 50)          AS specimen_source_value,
    left(unit_source_value, 50)              AS unit_source_value,
    left(anatomic_site_source_value, 50)     AS anatomic_site_source_value,
    left(disease_status_source_value, 50)    AS disease_status_source_value,
    'specimen'                               AS source_table,
    line                                     AS source_line
FROM specimen
