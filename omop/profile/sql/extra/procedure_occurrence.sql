-- 630, procedures inside their person's observation.
INSERT INTO profile.tally BY NAME
SELECT 630 AS analysis_id, count(*) AS n
FROM event e
WHERE EXISTS (
    FROM cdm.observation_period o
    WHERE o.person_id = e.person_id AND e.date BETWEEN o.observation_period_start_date AND o.observation_period_end_date
);
