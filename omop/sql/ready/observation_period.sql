-- When a person would have been seen had something happened: while a source
-- says so or insurance lasts (periods that overlap or touch are one), else from
-- the first event to the last. It ends with death.
-- Types: the source's own, 32813 claim enrolment record, 32880 standard algorithm.
CREATE TABLE ready.observation_period AS
WITH covered AS (
    SELECT
        person_id,
        payer_plan_period_start_date AS first_day,
        payer_plan_period_end_date   AS last_day,
        32813                        AS type
    FROM cdm.payer_plan_period
    UNION ALL
    SELECT person_id, observation_period_start_date, observation_period_end_date, period_type_concept_id
    FROM stage.observation_period
),
reached AS (
    SELECT
        *,
        max(last_day) OVER (
            PARTITION BY person_id
            ORDER BY first_day, last_day
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS covered_until
    FROM covered
),
stretches AS (
    SELECT
        *,
        sum(CASE WHEN covered_until IS NULL OR first_day > covered_until + 1 THEN 1 ELSE 0 END) OVER (
            PARTITION BY person_id ORDER BY first_day, last_day, covered_until NULLS FIRST ROWS UNBOUNDED PRECEDING
        ) AS stretch
    FROM reached
),
events AS (
    SELECT person_id, visit_start_date AS first_day, visit_end_date AS last_day FROM cdm.visit_occurrence
    UNION ALL
    SELECT person_id, condition_start_date, condition_end_date FROM cdm.condition_occurrence
    UNION ALL
    SELECT person_id, drug_exposure_start_date, drug_exposure_end_date FROM cdm.drug_exposure
    UNION ALL
    SELECT person_id, procedure_date, procedure_end_date FROM cdm.procedure_occurrence
    UNION ALL
    SELECT person_id, device_exposure_start_date, device_exposure_end_date FROM cdm.device_exposure
    UNION ALL
    SELECT person_id, measurement_date, NULL FROM cdm.measurement
    UNION ALL
    SELECT person_id, observation_date, NULL FROM cdm.observation
    UNION ALL
    SELECT person_id, specimen_date, NULL FROM cdm.specimen
    UNION ALL
    SELECT person_id, death_date, NULL FROM cdm.death
),
periods AS (
    SELECT person_id, min(first_day) AS first_day, max(last_day) AS last_day, first(type ORDER BY first_day, last_day, type) AS type
    FROM stretches
    GROUP BY person_id, stretch
    UNION ALL
    SELECT person_id, min(first_day), max(greatest(first_day, last_day)), 32880
    FROM events
    WHERE person_id NOT IN (SELECT person_id FROM covered)
    GROUP BY person_id
)
SELECT
    p.person_id,
    p.first_day                      AS observation_period_start_date,
    least(p.last_day, d.death_date)  AS observation_period_end_date,
    p.type                           AS period_type_concept_id
FROM periods p
LEFT JOIN cdm.death d USING (person_id)
WHERE d.death_date IS NULL OR p.first_day <= d.death_date;
