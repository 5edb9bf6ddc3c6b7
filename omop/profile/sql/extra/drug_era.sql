-- 907, length of eras in days by concept.
INSERT INTO profile.tally BY NAME
SELECT 907 AS analysis_id, concept_id AS stratum_1, end_date - date AS value, count(*) AS n
FROM event WHERE end_date >= date GROUP BY ALL;
