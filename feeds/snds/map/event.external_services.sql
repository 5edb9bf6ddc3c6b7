-- event.external_services: services of external visits by their code (C, CS, ATU, FFM …).
-- Source: mco_fbstc, pmsi_external.
-- Rule: the day is that of the visit plus the delay, where it lies in the visit. 32810: claim.
-- Reference: schema-snds, T_MCOaaFBSTC.
SELECT
    v.person_id,
    'Procedure'       AS domain_id,
    'SNDS_ACE'        AS vocabulary_id,
    trim(b.act_cod)   AS concept_code,
    32810             AS type_concept_id,
    CASE WHEN b.del_dat_ent BETWEEN 0 AND date_diff('day', v.first_day, v.last_day) THEN v.first_day + CAST(b.del_dat_ent AS INTEGER) ELSE v.first_day END AS start_date,
    CASE WHEN b.act_nbr <= 9999 THEN b.act_nbr END AS quantity,
    b.stay_key        AS visit_key,
    'mco_fbstc'       AS source_table,
    b.line            AS source_line
FROM mco_fbstc b
JOIN pmsi_external v USING (stay_key)
WHERE v.left_out IS NULL AND b.act_cod IS NOT NULL AND coalesce(b.act_nbr, 1) > 0
