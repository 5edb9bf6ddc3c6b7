-- visit_detail: encounters that are part of another.
-- Source: visit.
-- Rule: as view.visit says; what is recorded in a part of a visit belongs to both. A part that is in another names it
--   (parent_visit_detail_id).
-- Reference: FHIR R4, https://hl7.org/fhir/R4/encounter.html; OMOP CDM 5.4, VISIT_DETAIL
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#visit_detail)
SELECT
    key,
    person_id,
    visit_key,
    parent_key,
    concept_id        AS visit_detail_concept_id,
    start_date        AS visit_detail_start_date,
    start_datetime    AS visit_detail_start_datetime,
    end_date          AS visit_detail_end_date,
    end_datetime      AS visit_detail_end_datetime,
    type_concept_id   AS visit_detail_type_concept_id,
    provider_key,
    care_site_key,
    source_value      AS visit_detail_source_value,
    source_concept_id AS visit_detail_source_concept_id,
    admitted_from_source_value,
    discharged_to_source_value,
    vocabulary_id,
    concept_code,
    source_table,
    source_line
FROM visit
WHERE visit_key IS NOT NULL
