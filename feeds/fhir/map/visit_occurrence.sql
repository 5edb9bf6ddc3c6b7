-- visit_occurrence: encounters.
-- Source: visit.
-- Rule: as view.visit says; a visit needs its first day; an encounter that is part of another is a visit_detail.
-- Reference: FHIR R4, https://hl7.org/fhir/R4/encounter.html; OMOP CDM 5.4, VISIT_OCCURRENCE
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#visit_occurrence)
SELECT
    key,
    person_id,
    concept_id        AS visit_concept_id,
    start_date        AS visit_start_date,
    start_datetime    AS visit_start_datetime,
    end_date          AS visit_end_date,
    end_datetime      AS visit_end_datetime,
    type_concept_id   AS visit_type_concept_id,
    provider_key,
    care_site_key,
    source_value      AS visit_source_value,
    source_concept_id AS visit_source_concept_id,
    admitted_from_source_value,
    discharged_to_source_value,
    vocabulary_id,
    concept_code,
    source_table,
    source_line
FROM visit
WHERE visit_key IS NULL
