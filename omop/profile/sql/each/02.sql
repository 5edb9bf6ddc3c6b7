-- Persons by concept and month.
INSERT INTO profile.tally BY NAME
SELECT getvariable('base') + 2 AS analysis_id, concept_id AS stratum_1, month AS stratum_2, count(*) AS n
FROM seen GROUP BY concept_id, month;
