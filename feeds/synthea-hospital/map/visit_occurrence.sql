-- visit_occurrence: encounters.
-- Source: encounters, source_concepts.
-- Rule: the class of an encounter as ETL-Synthea reads it: urgent care is emergency care, and whatever has no bed
--   is outpatient.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, VISIT_OCCURRENCE
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#visit_occurrence)
SELECT
    e.id          AS key,
    e.person_id,
    CASE e.encounterclass
        WHEN 'inpatient' THEN 9201
        WHEN 'emergency' THEN 9203
        WHEN 'urgentcare' THEN 9203
        ELSE 9202
    END                     AS visit_concept_id,
    CAST(e.start AS DATE)   AS visit_start_date,
    e.start                 AS visit_start_datetime,
    CAST(e.stop AS DATE)    AS visit_end_date,
    e.stop                  AS visit_end_datetime,
    32817                   AS visit_type_concept_id, -- EHR
    e.provider              AS provider_key,
    e.organization          AS care_site_key,
    e.encounterclass        AS visit_source_value,
    coalesce(known.source_concept_id, 0) AS visit_source_concept_id,
    'SNOMED'                AS vocabulary_id,
    e.code                  AS concept_code,
    'encounters'            AS source_table,
    e.line                  AS source_line
FROM encounters e
LEFT JOIN source_concepts known ON known.vocabulary_id = 'SNOMED' AND known.concept_code = e.code
