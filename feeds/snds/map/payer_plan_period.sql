-- payer_plan_period: under which scheme a person was seen, and from when to when.
-- Source: dcir_line, pmsi_external, pmsi_stay.
-- Rule: the SNDS has no enrolment. A period is a run of lines of care under one scheme (RGM_GRG_COD); it lasts
--   until the day before the next scheme's first line, the last one until the last sign of the person in the DCIR
--   or the PMSI, and the first one begins with the first sign. Nobody is said to be observed before or after.
-- Reference: schema-snds, ER_PRS_F, RGM_GRG_COD; OMOP CDM 5.4, PAYER_PLAN_PERIOD.
WITH line_of_care AS (
    SELECT person_id, day, scheme, line,
        CASE WHEN scheme IS DISTINCT FROM lag(scheme) OVER (PARTITION BY person_id ORDER BY day, line) THEN 1 ELSE 0 END AS changes
    FROM dcir_line
    WHERE left_out IS NULL AND scheme IS NOT NULL
),
run AS (
    SELECT *, sum(changes) OVER (PARTITION BY person_id ORDER BY day, line ROWS UNBOUNDED PRECEDING) AS number
    FROM line_of_care
),
period AS (
    SELECT person_id, number, any_value(scheme) AS scheme, min(day) AS first_day, max(day) AS last_day, min(line) AS line
    FROM run
    GROUP BY person_id, number
),
sign AS (
    SELECT person_id, min(first_day) AS first_day, max(last_day) AS last_day
    FROM (SELECT person_id, first_day, last_day FROM pmsi_stay WHERE left_out IS NULL
          UNION ALL SELECT person_id, first_day, last_day FROM pmsi_external WHERE left_out IS NULL)
    GROUP BY person_id
),
bounded AS (
    SELECT
        p.*,
        lead(p.first_day) OVER w AS next_day,
        row_number() OVER w      AS place,
        s.first_day              AS first_sign,
        s.last_day               AS last_sign
    FROM period p
    LEFT JOIN sign s USING (person_id)
    WINDOW w AS (PARTITION BY p.person_id ORDER BY p.number)
)
SELECT
    person_id,
    CASE WHEN place = 1 THEN least(first_day, first_sign) ELSE first_day END                                          AS payer_plan_period_start_date,
    CASE WHEN next_day IS NULL THEN greatest(last_day, last_sign) ELSE greatest(first_day, next_day - 1) END          AS payer_plan_period_end_date,
    'assurance maladie'                                                                                               AS payer_source_value,
    'RGM_GRG_COD ' || scheme                                                                                          AS plan_source_value,
    'er_prs_f'                                                                                                        AS source_table,
    line                                                                                                              AS source_line
FROM bounded
