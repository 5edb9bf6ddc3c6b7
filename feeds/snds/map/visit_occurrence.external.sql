-- visit_occurrence.external: external visits to hospitals.
-- Source: pmsi_external.
-- Rule: one visit a row that has a date. 9202: outpatient visit; 32810: claim.
-- Reference: as pmsi_external.
SELECT
    person_id,
    stay_key   AS key,
    9202       AS visit_concept_id,
    first_day  AS visit_start_date,
    last_day   AS visit_end_date,
    32810      AS visit_type_concept_id,
    'ace'      AS visit_source_value,
    finess     AS care_site_key,
    'mco_cstc' AS source_table,
    line       AS source_line
FROM pmsi_external
WHERE left_out IS NULL
