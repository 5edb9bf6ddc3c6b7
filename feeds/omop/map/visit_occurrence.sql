-- visit_occurrence: visits.
-- Source: visit_occurrence.
-- Rule: CDM 5.3 has other names for where a visit came from and led to. Numbers become keys that name the deposit,
--   so that those of two deposits never meet; texts are cut to the length that the CDM allows.
-- Reference: OMOP CDM 5.4, VISIT_OCCURRENCE (https://ohdsi.github.io/CommonDataModel/cdm54.html#visit_occurrence)
SELECT
    deposit() || ':visit_occurrence:' || visit_occurrence_id        AS key,
    person_id,
    visit_concept_id,
    visit_start_date,
    visit_start_datetime,
    visit_end_date,
    visit_end_datetime,
    visit_type_concept_id,
    deposit() || ':provider:' || provider_id                        AS provider_key,
    deposit() || ':care_site:' || care_site_id                      AS care_site_key,
    visit_source_concept_id,
    coalesce(admitted_from_concept_id, admitting_source_concept_id) AS admitted_from_concept_id,
    left(coalesce(admitted_from_source_value, admitting_source_value), 50) AS admitted_from_source_value,
    coalesce(discharged_to_concept_id, discharge_to_concept_id)     AS discharged_to_concept_id,
    left(coalesce(discharged_to_source_value, discharge_to_source_value), 50) AS discharged_to_source_value,
    'visit_occurrence'                                              AS source_table,
    line                                                            AS source_line
FROM visit_occurrence
