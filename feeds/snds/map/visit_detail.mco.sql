-- visit_detail.mco: stays in the units of a hospital (RUM) within a stay of the PMSI-MCO.
-- Source: mco_um, pmsi_stay.
-- Rule: units follow each other in the order of UM_ORD_NUM, each as long as PAR_DUR_SEJ says: it starts when those
--   before it are over, and ends when it is, neither outside the stay. Concepts and type as those of the stay: 9202
--   outpatient where it has no night, else 9201 inpatient; 32810: claim. The unit's type (UM_TYP, since 2010 the first
--   authorisation AUT_TYP1_UM) is the source value.
-- Reference: Guide méthodologique de production des informations du PMSI en MCO, chapter I (RUM); schema-snds,
--   T_MCOaaUM.
WITH placed AS (
    SELECT
        u.stay_key,
        u.um_ord_num,
        u.eta_num_geo,
        coalesce(u.aut_typ1_um, u.um_typ)                                AS unit_type,
        CAST(least(greatest(coalesce(u.par_dur_sej, 0), 0), 9999) AS INTEGER) AS days,
        u.line,
        row_number() OVER (PARTITION BY u.stay_key ORDER BY u.um_ord_num, u.line) AS place
    FROM mco_um u
),
started AS (
    SELECT *, CAST(sum(days) OVER (PARTITION BY stay_key ORDER BY place) AS INTEGER) - days AS after
    FROM placed
)
SELECT
    s.person_id,
    s.stay_key || '/' || u.place                          AS key,
    s.stay_key                                            AS visit_key,
    CASE WHEN s.first_day = s.last_day THEN 9202 ELSE 9201 END AS visit_detail_concept_id,
    least(s.first_day + u.after, s.last_day)              AS visit_detail_start_date,
    least(s.first_day + u.after + u.days, s.last_day)     AS visit_detail_end_date,
    32810                                                 AS visit_detail_type_concept_id,
    left(u.unit_type, 50)                                 AS visit_detail_source_value,
    s.finess                                              AS care_site_key,
    'mco_um'                                              AS source_table,
    u.line                                                AS source_line
FROM started u
JOIN pmsi_stay s ON s.stay_key = u.stay_key AND s.field = 'mco'
WHERE s.left_out IS NULL
