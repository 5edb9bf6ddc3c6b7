CREATE OR REPLACE TEMP VIEW period AS
SELECT person_id, payer_plan_period_start_date AS start_date, payer_plan_period_end_date AS end_date
FROM cdm.payer_plan_period;
