-- visit_occurrence.pmsi: hospital stays of the PMSI.
-- Source: pmsi_stay.
-- Rule: concepts: had 581476 home visit; sessions and stays without a night 9202 outpatient, or 9203 emergency room
--   where the person came by it (ENT_PRV 5); other stays 9201 inpatient, or 262 emergency room and inpatient. The
--   stay's key is hashed from year, hospital and number, so that its diagnoses and acts find it. 32810: claim.
-- Reference: as pmsi_stay; schema-snds, ENT_PRV, SOR_MOD, SOR_DES.
SELECT
    person_id,
    stay_key                       AS key,
    CASE
        WHEN field = 'had' THEN 581476
        WHEN sessions > 0 THEN 9202
        WHEN coalesce(nights, date_diff('day', first_day, last_day)) = 0 THEN CASE ent_prv WHEN '5' THEN 9203 ELSE 9202 END
        WHEN ent_prv = '5' THEN 262
        ELSE 9201
    END                            AS visit_concept_id,
    first_day                      AS visit_start_date,
    last_day                       AS visit_end_date,
    32810                          AS visit_type_concept_id,
    concat_ws('/', field, grouped) AS visit_source_value,
    ent_prv                        AS admitted_from_source_value,
    nullif(concat_ws('/', sor_mod, sor_des), '') AS discharged_to_source_value,
    finess                         AS care_site_key,
    source_table,
    line                           AS source_line,
    lines                          AS source_lines
FROM pmsi_stay
WHERE left_out IS NULL
