-- visit_detail: parts of visits.
-- Source: visit_detail, visit_occurrence.
-- Rule: the parts of a visit that was delivered. CDM 5.3 has other names for where one came from and led to, and
--   for the part that a part is in. Numbers
--   become keys that name the deposit, so that those of two deposits never meet; texts are cut to the length that the
--   CDM allows.
-- Reference: OMOP CDM 5.4, VISIT_DETAIL (https://ohdsi.github.io/CommonDataModel/cdm54.html#visit_detail)
SELECT
    deposit() || ':visit_detail:' || d.visit_detail_id              AS key,
    d.person_id,
    d.visit_detail_concept_id,
    d.visit_detail_start_date,
    d.visit_detail_start_datetime,
    d.visit_detail_end_date,
    d.visit_detail_end_datetime,
    d.visit_detail_type_concept_id,
    deposit() || ':provider:' || d.provider_id                      AS provider_key,
    deposit() || ':care_site:' || d.care_site_id                    AS care_site_key,
    d.visit_detail_source_concept_id,
    coalesce(d.admitted_from_concept_id, d.admitting_source_concept_id) AS admitted_from_concept_id,
    left(coalesce(d.admitted_from_source_value, d.admitting_source_value), 50) AS admitted_from_source_value,
    coalesce(d.discharged_to_concept_id, d.discharge_to_concept_id) AS discharged_to_concept_id,
    left(coalesce(d.discharged_to_source_value, d.discharge_to_source_value), 50) AS discharged_to_source_value,
    deposit() || ':visit_occurrence:' || d.visit_occurrence_id      AS visit_key,
    deposit() || ':visit_detail:' || coalesce(d.parent_visit_detail_id, d.visit_detail_parent_id) AS parent_key,
    'visit_detail'                                                  AS source_table,
    d.line                                                          AS source_line
FROM visit_detail d
JOIN visit_occurrence v ON v.visit_occurrence_id = d.visit_occurrence_id AND v.person_id = d.person_id
