-- unmapped.pmsi: rows of the PMSI that reach no table, and why.
-- Source: had_b, had_d, had_dmpa, had_dmpp, mco_b, mco_cstc, mco_d, mco_fastc, mco_fbstc, mco_med, mco_um,
--   pmsi_act, pmsi_diagnosis, pmsi_external, pmsi_stay, rip_rsa, rip_rsad, ssr_b, ssr_d.
-- Rule: a reason counts only where nothing was made of the row.
-- Reference: as pmsi_stay, pmsi_diagnosis and pmsi_act.
WITH stay_row AS (
    SELECT stay_key, 'mco' AS field, 'mco_b' AS source_table, line FROM mco_b
    UNION ALL SELECT stay_key, 'had', 'had_b', line FROM had_b
    UNION ALL SELECT stay_key, 'ssr', 'ssr_b', line FROM ssr_b
    UNION ALL SELECT stay_key, 'rip', 'rip_rsa', line FROM rip_rsa
    UNION ALL SELECT stay_key, 'mco', 'mco_med', line FROM mco_med
),
visit_row AS (
    SELECT stay_key, 'mco_fastc' AS source_table, line FROM mco_fastc
    UNION ALL SELECT stay_key, 'mco_fbstc', line FROM mco_fbstc
    UNION ALL SELECT stay_key, 'mco_cstc', line FROM mco_cstc
),
diagnosis_row AS (
    SELECT 'mco_d' AS source_table, line FROM mco_d UNION ALL SELECT 'mco_um', line FROM mco_um
    UNION ALL SELECT 'had_d', line FROM had_d UNION ALL SELECT 'had_dmpp', line FROM had_dmpp UNION ALL SELECT 'had_dmpa', line FROM had_dmpa
    UNION ALL SELECT 'ssr_d', line FROM ssr_d UNION ALL SELECT 'rip_rsad', line FROM rip_rsad
)
SELECT r.source_table, r.line AS source_line,
    CASE WHEN s.stay_key IS NULL THEN 'its stay has no chained person' ELSE coalesce(s.left_out, 'no code, or nothing given') END AS reason
FROM stay_row r
LEFT JOIN pmsi_stay s USING (stay_key, field)
UNION ALL
SELECT r.source_table, r.line,
    CASE WHEN v.stay_key IS NULL THEN 'its visit has no chained person' ELSE coalesce(v.left_out, 'no code, or nothing given') END
FROM visit_row r
LEFT JOIN pmsi_external v USING (stay_key)
UNION ALL
SELECT source_table, line, left_out FROM pmsi_diagnosis WHERE left_out IS NOT NULL
UNION ALL
SELECT r.source_table, r.line, 'no diagnosis in it'
FROM diagnosis_row r
ANTI JOIN pmsi_diagnosis d ON d.source_table = r.source_table AND d.line = r.line
UNION ALL
SELECT source_table, line, left_out FROM pmsi_act WHERE left_out IS NOT NULL
