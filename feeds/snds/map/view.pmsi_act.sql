-- view.pmsi_act: acts done in hospitals (CCAM; CSARR in rehabilitation), each with the reason why it is left out,
--   if it is.
-- Source: had_a, mco_a, mco_fmstc, pmsi_external, pmsi_stay, rip_ccam, ssr_ccam, ssr_csarr.
-- Rule: the day is the first day of the stay (of the visit) plus the delay, where one is given and lies in the
--   stay. CCAM activity 4 is the anaesthesia of an act that has its own row; phases after the first are the same
--   act too.
-- Reference: Guide méthodologique de production des informations du PMSI en MCO, chapter II; CCAM, general
--   provisions.
WITH coded AS (
    SELECT stay_key, 'mco' AS field, 'CCAM' AS vocabulary_id, cdc_act AS code, ent_dat_del AS delay, nbr_exe_act AS times, acv_act AS activity, 'mco_a' AS source_table, line FROM mco_a
    UNION ALL SELECT stay_key, 'ace', 'CCAM', ccam_cod, del_dat_ent, 1, acv_act, 'mco_fmstc', line FROM mco_fmstc
    UNION ALL SELECT stay_key, 'had', 'CCAM', ccam_cod, NULL, real_nbr, act_cod, 'had_a', line FROM had_a
    UNION ALL SELECT stay_key, 'ssr', 'CCAM', ccam_act, ccam_del_ent_um, ccam_nbr_rea, ccam_cod_act, 'ssr_ccam', line FROM ssr_ccam
    UNION ALL SELECT stay_key, 'ssr', 'CSARR', csarr_cod, ent_dat_del_um, nbr_csarr, NULL, 'ssr_csarr', line FROM ssr_csarr
    UNION ALL SELECT stay_key, 'rip', 'CCAM', cdc_act, ent_dat_del, nbr_exe_act, acv_act, 'rip_ccam', line FROM rip_ccam
),
place AS (
    SELECT stay_key, field, person_id, first_day, last_day, left_out FROM pmsi_stay
    UNION ALL
    SELECT stay_key, 'ace', person_id, first_day, last_day, left_out FROM pmsi_external
)
SELECT
    p.person_id, c.stay_key, c.field, c.vocabulary_id, upper(trim(c.code)) AS code,
    CASE WHEN c.delay BETWEEN 0 AND date_diff('day', p.first_day, p.last_day) THEN p.first_day + CAST(c.delay AS INTEGER) ELSE p.first_day END AS day,
    c.times, c.source_table, c.line,
    CASE
        WHEN p.stay_key IS NULL THEN 'its stay has no chained person'
        WHEN p.left_out IS NOT NULL THEN p.left_out
        WHEN coalesce(trim(c.code), '') = '' THEN 'no code'
        WHEN c.activity = '4' THEN 'anaesthesia of an act that has its own row (activity 4)'
    END AS left_out
FROM coded c
LEFT JOIN place p USING (stay_key, field)
