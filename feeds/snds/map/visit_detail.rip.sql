-- visit_detail.rip: sequences of a stay in psychiatry (RSA of the RIM-P).
-- Source: pmsi_stay, rip_rsa.
-- Rule: a sequence begins DEL_DAT days after the entry and covers SEQ_COU_NBJ days; where these are missing, they follow each
--   other in the order of SEQ_SEQ_NUM. Neither end lies outside the stay. Concepts and type as those of the stay: 9202
--   outpatient where it has no night, else 9201 inpatient; 32810: claim. The form of activity (FOR_ACT), before 2012
--   the nature of care (NAT_PEC), is the source value.
-- Reference: schema-snds, T_RIPaaRSA; Guide méthodologique de production du RIM-P, "Le résumé par séquence".
WITH part AS (
    SELECT
        s.person_id, s.stay_key, s.finess, s.first_day, s.last_day, s.nights, coalesce(r.for_act, r.nat_pec) AS activity, r.line,
        CASE WHEN r.del_dat BETWEEN 0 AND 9999 THEN CAST(r.del_dat AS INTEGER) END         AS delay,
        CASE WHEN r.seq_cou_nbj BETWEEN 1 AND 9999 THEN CAST(r.seq_cou_nbj AS INTEGER) END AS days,
        row_number() OVER (PARTITION BY r.stay_key ORDER BY r.seq_seq_num, r.line)         AS place
    FROM rip_rsa r
    JOIN pmsi_stay s ON s.stay_key = r.stay_key AND s.field = 'rip'
    WHERE s.left_out IS NULL
),
placed AS (
    SELECT *, coalesce(delay, CAST(coalesce(sum(coalesce(days, 0)) OVER (PARTITION BY stay_key ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS INTEGER)) AS after
    FROM part
)
SELECT
    person_id,
    stay_key || '/' || place                                                           AS key,
    stay_key                                                                           AS visit_key,
    CASE WHEN coalesce(nights, date_diff('day', first_day, last_day)) = 0 THEN 9202 ELSE 9201 END AS visit_detail_concept_id,
    least(first_day + after, last_day)                                                 AS visit_detail_start_date,
    CASE WHEN days IS NULL THEN last_day ELSE least(first_day + after + (days - 1), last_day) END AS visit_detail_end_date,
    32810                                                                              AS visit_detail_type_concept_id,
    left(activity, 50)                                                                 AS visit_detail_source_value,
    finess                                                                             AS care_site_key,
    'rip_rsa'                                                                          AS source_table,
    line                                                                               AS source_line
FROM placed
