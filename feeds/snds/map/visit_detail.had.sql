-- visit_detail.had: sequences and sub-sequences of hospital care at home (RHAD), within a stay of the PMSI-HAD.
-- Source: had_b, pmsi_stay.
-- Rule: a sub-sequence begins SEQ_SEJ_NBJ days after the entry, where its sequence does, plus SSEQ_SEQ_NBJ days, and has
--   SSEQ_NBJ days; where these are missing, they follow each other in the order of SEQ_NUM and SSEQ_NUM. Neither end lies
--   outside the stay. A sequence of several sub-sequences is a part of its own, from the first day of the first to the
--   last of the last, and they are in it (parent_visit_detail_id); a sequence of one is that one. 581476 home visit;
--   32810: claim. The main mode of care (PEC_PAL; of a sequence, its first sub-sequence's) is the source value.
-- Reference: schema-snds, T_HADaaB; Guide méthodologique de production en HAD, "Séquences et sous-séquences".
WITH part AS (
    SELECT
        s.person_id, s.stay_key, s.finess, s.first_day, s.last_day, b.seq_num, b.pec_pal, b.line,
        CASE WHEN b.seq_sej_nbj BETWEEN 0 AND 9999 AND coalesce(b.sseq_seq_nbj, 0) BETWEEN 0 AND 9999 THEN CAST(b.seq_sej_nbj + coalesce(b.sseq_seq_nbj, 0) AS INTEGER) END AS delay,
        CASE WHEN b.sseq_nbj BETWEEN 1 AND 9999 THEN CAST(b.sseq_nbj AS INTEGER) END AS days,
        row_number() OVER (PARTITION BY b.stay_key ORDER BY b.seq_num, b.sseq_num, b.line) AS place
    FROM had_b b
    JOIN pmsi_stay s ON s.stay_key = b.stay_key AND s.field = 'had'
    WHERE s.left_out IS NULL
),
placed AS (
    SELECT *, coalesce(delay, CAST(coalesce(sum(coalesce(days, 0)) OVER (PARTITION BY stay_key ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS INTEGER)) AS after
    FROM part
),
dated AS (
    SELECT
        *,
        least(first_day + after, last_day)                                                            AS start_date,
        CASE WHEN days IS NULL THEN last_day ELSE least(first_day + after + (days - 1), last_day) END AS end_date,
        CASE WHEN seq_num IS NOT NULL AND count(*) OVER (PARTITION BY stay_key, seq_num) > 1 THEN stay_key || '/sequence ' || seq_num END AS sequence
    FROM placed
),
told AS (
    SELECT person_id, stay_key, stay_key || '/' || place AS key, sequence AS parent_key, start_date, end_date, pec_pal, finess, line, CAST(NULL AS BIGINT[]) AS lines
    FROM dated
    UNION ALL
    SELECT person_id, stay_key, sequence, NULL, min(start_date), max(end_date), arg_min(pec_pal, place), any_value(finess), min(line), list(line ORDER BY line)
    FROM dated
    WHERE sequence IS NOT NULL
    GROUP BY person_id, stay_key, sequence
)
SELECT
    person_id,
    key,
    stay_key          AS visit_key,
    parent_key,
    581476            AS visit_detail_concept_id,
    start_date        AS visit_detail_start_date,
    end_date          AS visit_detail_end_date,
    32810             AS visit_detail_type_concept_id,
    left(pec_pal, 50) AS visit_detail_source_value,
    finess            AS care_site_key,
    'had_b'           AS source_table,
    line              AS source_line,
    lines             AS source_lines
FROM told
