-- Persons by concept.
INSERT INTO profile.tally BY NAME
SELECT getvariable('base') + 0 AS analysis_id, concept_id AS stratum_1, count(DISTINCT person_id) AS n
FROM seen GROUP BY concept_id;
