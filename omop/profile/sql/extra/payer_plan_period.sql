-- 1425, records by the payer's source concept.
INSERT INTO profile.tally BY NAME
SELECT 1425 AS analysis_id, payer_source_concept_id AS stratum_1, count(*) AS n
FROM cdm.payer_plan_period WHERE payer_source_concept_id IS NOT NULL GROUP BY ALL;
