-- Records by concept.
INSERT INTO profile.tally BY NAME
SELECT getvariable('base') + 1 AS analysis_id, concept_id AS stratum_1, sum(records) AS n
FROM seen GROUP BY concept_id;
