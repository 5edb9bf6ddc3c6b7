-- The insurance that a period of observation was made of. Reads observation_period, payer_plan_period.
SELECT 'payer_plan_period' AS "table", p.payer_plan_period_id AS id
FROM observation_period o
JOIN payer_plan_period p
    ON p.person_id = o.person_id
   AND p.payer_plan_period_start_date <= o.observation_period_end_date
   AND p.payer_plan_period_end_date >= o.observation_period_start_date
WHERE o.observation_period_id = ?
ORDER BY id
