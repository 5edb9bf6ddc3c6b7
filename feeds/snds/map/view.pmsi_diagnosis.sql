-- view.pmsi_diagnosis: coded diagnoses of hospital stays (CIM-10), each with the reason why it is left out, if it
--   is.
-- Source: had_b, had_d, had_dmpa, had_dmpp, mco_b, mco_d, mco_um, pmsi_stay, rip_rsa, rip_rsad, ssr_b, ssr_d.
-- Rule: rank 1 main: MCO DP; HAD DP; SSR manifestation; RIP DP. rank 2 related: MCO DR; SSR aetiology and purpose;
--   HAD diagnoses of the modes of care. rank 3 associated: the others; the units' DP and DR, which the stay need
--   not have. A stay has a diagnosis once, at its best rank. Code: without dot, dagger and blanks, in upper case.
-- Reference: Guide méthodologique de production des informations du PMSI en MCO, chapter IV; collaborative
--   documentation of the SNDS.
WITH coded AS (
    SELECT stay_key, 'mco' AS field, dgn_pal AS code, 1 AS rank, 'mco_b' AS source_table, line FROM mco_b
    UNION ALL SELECT stay_key, 'mco', dgn_rel, 2, 'mco_b', line FROM mco_b
    UNION ALL SELECT stay_key, 'mco', ass_dgn, 3, 'mco_d', line FROM mco_d
    UNION ALL SELECT stay_key, 'mco', dgn_pal, 3, 'mco_um', line FROM mco_um
    UNION ALL SELECT stay_key, 'mco', dgn_rel, 3, 'mco_um', line FROM mco_um
    UNION ALL SELECT stay_key, 'had', dgn_pal, 1, 'had_b', line FROM had_b
    UNION ALL SELECT stay_key, 'had', dgn_ass_mpp, 2, 'had_dmpp', line FROM had_dmpp
    UNION ALL SELECT stay_key, 'had', dgn_ass_mpa, 2, 'had_dmpa', line FROM had_dmpa
    UNION ALL SELECT stay_key, 'had', dgn_ass, 3, 'had_d', line FROM had_d
    UNION ALL SELECT stay_key, 'ssr', mor_prp, 1, 'ssr_b', line FROM ssr_b
    UNION ALL SELECT stay_key, 'ssr', etl_aff, 2, 'ssr_b', line FROM ssr_b
    UNION ALL SELECT stay_key, 'ssr', fp_pec, 2, 'ssr_b', line FROM ssr_b
    UNION ALL SELECT stay_key, 'ssr', dgn_cod, 3, 'ssr_d', line FROM ssr_d
    UNION ALL SELECT stay_key, 'rip', dgn_pal, 1, 'rip_rsa', line FROM rip_rsa
    UNION ALL SELECT stay_key, 'rip', ass_dgn, 3, 'rip_rsad', line FROM rip_rsad
),
clean AS (
    SELECT * REPLACE (upper(regexp_replace(code, '[^A-Za-z0-9+]', '', 'g')) AS code)
    FROM coded
    WHERE regexp_matches(upper(trim(code)), '^[A-Z][0-9]{2}')
),
ordered AS (
    SELECT *, row_number() OVER (PARTITION BY stay_key, field, code ORDER BY rank, source_table, line) AS place
    FROM clean
)
SELECT
    s.person_id, o.stay_key, o.field, s.first_day, s.last_day, o.code, o.rank, o.source_table, o.line,
    CASE
        WHEN s.stay_key IS NULL THEN 'its stay has no chained person'
        WHEN s.left_out IS NOT NULL THEN s.left_out
        WHEN o.place > 1 THEN 'the stay has this diagnosis already'
    END AS left_out
FROM ordered o
LEFT JOIN pmsi_stay s USING (stay_key, field)
