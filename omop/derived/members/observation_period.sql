-- What a period of observation was made of: the insurance that covers it or, where nobody states any, the first event and the last. Reads observation_period, payer_plan_period, visit_occurrence, condition_occurrence, drug_exposure, procedure_occurrence, device_exposure, measurement, observation, specimen, death.
WITH period AS (
    FROM observation_period WHERE observation_period_id = ?
),
insured AS (
    SELECT 'payer_plan_period' AS "table", p.payer_plan_period_id AS id
    FROM period o
    JOIN payer_plan_period p
        ON p.person_id = o.person_id
       AND p.payer_plan_period_start_date <= o.observation_period_end_date
       AND p.payer_plan_period_end_date >= o.observation_period_start_date
),
event AS ( -- death ends the period, whatever lasts beyond it; its number is the person's
    SELECT 'visit_occurrence' AS "table", visit_occurrence_id AS id, person_id, visit_start_date AS first_day, visit_end_date AS last_day FROM visit_occurrence
    UNION ALL
    SELECT 'condition_occurrence', condition_occurrence_id, person_id, condition_start_date, condition_end_date FROM condition_occurrence
    UNION ALL
    SELECT 'drug_exposure', drug_exposure_id, person_id, drug_exposure_start_date, drug_exposure_end_date FROM drug_exposure
    UNION ALL
    SELECT 'procedure_occurrence', procedure_occurrence_id, person_id, procedure_date, procedure_end_date FROM procedure_occurrence
    UNION ALL
    SELECT 'device_exposure', device_exposure_id, person_id, device_exposure_start_date, device_exposure_end_date FROM device_exposure
    UNION ALL
    SELECT 'measurement', measurement_id, person_id, measurement_date, NULL FROM measurement
    UNION ALL
    SELECT 'observation', observation_id, person_id, observation_date, NULL FROM observation
    UNION ALL
    SELECT 'specimen', specimen_id, person_id, specimen_date, NULL FROM specimen
    UNION ALL
    SELECT 'death', person_id, person_id, death_date, NULL FROM death
),
seen AS (
    SELECT e."table", e.id, e.first_day, least(greatest(e.first_day, e.last_day), o.observation_period_end_date) AS last_day
    FROM event e
    JOIN period o ON o.person_id = e.person_id
    WHERE o.period_type_concept_id = 32880 AND e.first_day <= o.observation_period_end_date
      AND NOT EXISTS (FROM insured)
)
FROM insured
UNION
(SELECT "table", id FROM seen ORDER BY first_day, "table", id LIMIT 1)
UNION
(SELECT "table", id FROM seen ORDER BY last_day DESC, "table" = 'death' DESC, "table", id LIMIT 1)
ORDER BY "table", id
