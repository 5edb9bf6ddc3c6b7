-- visit_detail.ssr: weeks of a stay in rehabilitation, each in one unit (RHS), within a stay of the PMSI-SSR.
-- Source: pmsi_stay, ssr_b.
-- Rule: RHS_ANT_SEJ_ENT days after the entry is the Monday of the week; where it is missing, the weeks follow each other in
--   the order of RHS_NUM. The part lasts from the first to the last day of presence (JP_HWE, JP_WE: a 1 for each day of the
--   week, Monday first), where they are given, else the whole week, neither outside the stay. 9201 inpatient where the
--   unit keeps patients overnight (HOS_TYP_UM 1, or not said), else 9202 outpatient; 32810: claim. The unit's
--   authorisation (AUT_TYP_UM) is the source value.
-- Reference: collaborative documentation of the SNDS, "PMSI-SSR"; Health Data Hub, mapping of the SNDS to OMOP,
--   VISIT_DETAIL; Guide méthodologique de production en SSR, "Le résumé hebdomadaire standardisé".
WITH week AS (
    SELECT
        s.person_id, s.stay_key, s.finess, s.first_day, s.last_day, b.hos_typ_um, b.aut_typ_um, b.line,
        row_number() OVER (PARTITION BY b.stay_key ORDER BY b.rhs_num, b.line) AS place,
        lpad(coalesce(b.jp_hwe, ''), 5, '0') || lpad(coalesce(b.jp_we, ''), 2, '0') AS present,
        CAST(date_trunc('week', s.first_day + CAST(
            CASE WHEN b.rhs_ant_sej_ent BETWEEN -7 AND 9999 THEN b.rhs_ant_sej_ent
                 ELSE 7 * (dense_rank() OVER (PARTITION BY b.stay_key ORDER BY b.rhs_num) - 1) END AS INTEGER)) AS DATE) AS monday
    FROM ssr_b b
    JOIN pmsi_stay s ON s.stay_key = b.stay_key AND s.field = 'ssr'
    WHERE s.left_out IS NULL
),
spent AS (
    SELECT
        *,
        CASE WHEN regexp_matches(present, '^[01]*1[01]*$') THEN monday + CAST(position('1' IN present) - 1 AS INTEGER) ELSE monday END AS first_present,
        CASE WHEN regexp_matches(present, '^[01]*1[01]*$') THEN monday + CAST(7 - position('1' IN reverse(present)) AS INTEGER) ELSE monday + 6 END AS last_present
    FROM week
)
SELECT
    person_id,
    stay_key || '/' || place                                    AS key,
    stay_key                                                    AS visit_key,
    CASE coalesce(hos_typ_um, '1') WHEN '1' THEN 9201 ELSE 9202 END AS visit_detail_concept_id,
    least(greatest(first_present, first_day), last_day)         AS visit_detail_start_date,
    least(greatest(last_present, first_day), last_day)          AS visit_detail_end_date,
    32810                                                       AS visit_detail_type_concept_id,
    left(aut_typ_um, 50)                                        AS visit_detail_source_value,
    finess                                                      AS care_site_key,
    'ssr_b'                                                     AS source_table,
    line                                                        AS source_line
FROM spent
