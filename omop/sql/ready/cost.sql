-- A cost belongs to an event or visit that a mapping gave the same key. Where
-- the insurance of that day is known, it is named too. A cost whose event is
-- not in the CDM stays behind and is counted.
CREATE TABLE ready.cost AS
WITH events AS (
    SELECT 'visit_occurrence' AS cost_event_table, 'Visit' AS domain_id, key, person_id, visit_start_date AS day, visit_occurrence_id AS id FROM cdm.visit_occurrence
    UNION ALL
    SELECT 'condition_occurrence', 'Condition', key, person_id, condition_start_date, condition_occurrence_id FROM cdm.condition_occurrence
    UNION ALL
    SELECT 'drug_exposure', 'Drug', key, person_id, drug_exposure_start_date, drug_exposure_id FROM cdm.drug_exposure
    UNION ALL
    SELECT 'procedure_occurrence', 'Procedure', key, person_id, procedure_date, procedure_occurrence_id FROM cdm.procedure_occurrence
    UNION ALL
    SELECT 'device_exposure', 'Device', key, person_id, device_exposure_start_date, device_exposure_id FROM cdm.device_exposure
    UNION ALL
    SELECT 'measurement', 'Measurement', key, person_id, measurement_date, measurement_id FROM cdm.measurement
    UNION ALL
    SELECT 'observation', 'Observation', key, person_id, observation_date, observation_id FROM cdm.observation
),
keyed AS ( -- a code with several standard concepts is several events: the cost is borne once
    SELECT key, cost_event_table, domain_id, min(id) AS id, arg_min(person_id, id) AS person_id, arg_min(day, id) AS day
    FROM events
    WHERE key IS NOT NULL
    GROUP BY key, cost_event_table, domain_id
),
first_table AS (
    SELECT *, row_number() OVER (PARTITION BY key ORDER BY cost_event_table) AS position FROM keyed
),
insured AS (
    SELECT k.key, k.cost_event_table, min(p.payer_plan_period_id) AS payer_plan_period_id
    FROM keyed k
    JOIN cdm.payer_plan_period p
        ON p.person_id = k.person_id
       AND k.day BETWEEN p.payer_plan_period_start_date AND p.payer_plan_period_end_date
    GROUP BY k.key, k.cost_event_table
)
SELECT
    c.* EXCLUDE (cost_domain_id, cost_event_table),
    e.person_id,
    e.cost_event_table,
    e.id                                     AS cost_event_id,
    coalesce(c.cost_domain_id, e.domain_id)  AS cost_domain_id,
    i.payer_plan_period_id
FROM stage.cost c
JOIN first_table e
    ON e.key = c.cost_event_key
   AND (e.cost_event_table = c.cost_event_table OR (c.cost_event_table IS NULL AND e.position = 1))
LEFT JOIN insured i ON i.key = e.key AND i.cost_event_table = e.cost_event_table;
