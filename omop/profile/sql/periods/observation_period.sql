CREATE OR REPLACE TEMP VIEW period AS
SELECT person_id, observation_period_start_date AS start_date, observation_period_end_date AS end_date
FROM cdm.observation_period;
