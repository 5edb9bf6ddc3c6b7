-- view.pmsi_stay: hospital stays of the four fields of the PMSI, each with the reason why it is left out, if it is.
-- Source: had_b, had_c, mco_b, mco_c, rip_c, rip_rsa, ssr_b, ssr_c. Tables B (RIP: RSA) for the stay, C for the
--   person and the dates. A stay whose row of C was refused (chaining failed, twins under one number) is in no row
--   here: unmapped.pmsi counts it.
-- Rule: mco, left out: grouping errors (GHM 90*), services for another hospital's patient (SEJ_TYP B). Dates:
--   EXE_SOI_DTD and DTF, else ENT_DAT and SOR_DAT, else (until 2008) the month of discharge: its first day is the
--   end, and SEJ_NBJ nights before is the start. had, ssr, rip: one row per sub-sequence, week or sequence: the
--   stay is all of them.
-- Reference: collaborative documentation of the SNDS, "Requête type dans le PMSI-MCO", "Identifiants des
--   bénéficiaires".
WITH mco AS (
    SELECT
        c.person_id, c.stay_key, 'mco' AS field, b.eta_num AS finess,
        coalesce(c.exe_soi_dtd, c.ent_dat) AS entry, coalesce(c.exe_soi_dtf, c.sor_dat) AS leaving,
        b.sor_ann AS year, b.sor_moi AS month, b.sej_nbj AS nights,
        b.ent_prv, b.sor_mod, b.sor_des, b.grg_ghm AS grouped, coalesce(b.nbr_sea, 0) AS sessions,
        CASE WHEN b.grg_ghm LIKE '90%' THEN 'the stay could not be grouped (GHM 90)'
             WHEN b.sej_typ = 'B' THEN 'a service for another hospital''s patient: the stay is that hospital''s (SEJ_TYP B)' END AS left_out,
        'mco_b' AS source_table, b.line, [b.line] AS lines
    FROM mco_b b
    JOIN mco_c c USING (stay_key)
),
had_stay AS (
    SELECT stay_key, any_value(eta_num_epmsi) AS finess, max(sor_ann) AS year, max(sor_moi) AS month, max(sej_nbj) AS nights,
        arg_min(ent_prv, line) AS ent_prv, arg_max(sor_mod, line) AS sor_mod, arg_max(sor_des, line) AS sor_des,
        min(line) AS line, list(line ORDER BY line) AS lines
    FROM had_b
    GROUP BY stay_key
),
had AS (
    SELECT c.person_id, stay_key, 'had' AS field, b.finess, coalesce(c.exe_soi_dtd, c.ent_dat) AS entry, coalesce(c.exe_soi_dtf, c.sor_dat) AS leaving,
        b.year, b.month, b.nights, b.ent_prv, b.sor_mod, b.sor_des, CAST(NULL AS VARCHAR) AS grouped, 0 AS sessions,
        CAST(NULL AS VARCHAR) AS left_out, 'had_b' AS source_table, b.line, b.lines
    FROM had_stay b
    JOIN had_c c USING (stay_key)
),
ssr_stay AS (
    SELECT stay_key, any_value(eta_num) AS finess, arg_min(ent_prv, line) AS ent_prv, arg_max(sor_mod, line) AS sor_mod,
        arg_max(sor_des, line) AS sor_des, any_value(grg_gme) AS grouped, bool_and(hos_typ_um <> '1') AS by_day,
        min(line) AS line, list(line ORDER BY line) AS lines
    FROM ssr_b
    GROUP BY stay_key
),
ssr AS (
    SELECT c.person_id, stay_key, 'ssr' AS field, b.finess, coalesce(c.exe_soi_dtd, c.ent_dat) AS entry, coalesce(c.exe_soi_dtf, c.sor_dat) AS leaving,
        c.sor_ann AS year, c.sor_moi AS month, CASE WHEN b.by_day THEN 0 END AS nights, b.ent_prv, b.sor_mod, b.sor_des, b.grouped, 0 AS sessions,
        CAST(NULL AS VARCHAR) AS left_out, 'ssr_b' AS source_table, b.line, b.lines
    FROM ssr_stay b
    JOIN ssr_c c USING (stay_key)
),
rip_stay AS (
    SELECT stay_key, any_value(eta_num_epmsi) AS finess, max(seq_fin_ann) AS year, max(seq_fin_moi) AS month, sum(pre_jou_nbj) AS nights,
        arg_min(ent_prv, line) AS ent_prv, arg_max(sor_mod, line) AS sor_mod, arg_max(sor_des, line) AS sor_des,
        min(line) AS line, list(line ORDER BY line) AS lines
    FROM rip_rsa
    GROUP BY stay_key
),
rip AS (
    SELECT c.person_id, stay_key, 'rip' AS field, b.finess, coalesce(c.exe_soi_dtd, c.ent_dat) AS entry, coalesce(c.exe_soi_dtf, c.sor_dat) AS leaving,
        b.year, b.month, b.nights, b.ent_prv, b.sor_mod, b.sor_des, CAST(NULL AS VARCHAR) AS grouped, 0 AS sessions,
        CAST(NULL AS VARCHAR) AS left_out, 'rip_rsa' AS source_table, b.line, b.lines
    FROM rip_stay b
    JOIN rip_c c USING (stay_key)
),
stay AS (
    SELECT * FROM mco UNION ALL BY NAME SELECT * FROM had UNION ALL BY NAME SELECT * FROM ssr UNION ALL BY NAME SELECT * FROM rip
),
dated AS (
    SELECT * REPLACE (CASE WHEN nights BETWEEN 0 AND 9999 THEN CAST(nights AS INTEGER) END AS nights),
        coalesce(leaving, CASE WHEN entry IS NULL AND month BETWEEN 1 AND 12 THEN make_date(year, month, 1) END) AS last_day
    FROM stay
)
SELECT
    * EXCLUDE (entry, leaving, last_day, year, month, left_out),
    coalesce(entry, last_day - coalesce(nights, 0))                                AS first_day,
    greatest(coalesce(last_day, entry), coalesce(entry, last_day - coalesce(nights, 0))) AS last_day,
    coalesce(left_out, CASE WHEN entry IS NULL AND last_day IS NULL THEN 'no date of the stay' END) AS left_out
FROM dated
