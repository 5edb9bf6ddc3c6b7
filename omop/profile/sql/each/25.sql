-- Records by source concept.
INSERT INTO profile.tally BY NAME
SELECT getvariable('base') + 25 AS analysis_id, source_concept_id AS stratum_1, count(*) AS n
FROM event WHERE source_concept_id IS NOT NULL GROUP BY source_concept_id;
