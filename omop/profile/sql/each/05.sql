-- Records by concept and type.
INSERT INTO profile.tally BY NAME
SELECT getvariable('base') + 5 AS analysis_id, concept_id AS stratum_1, type_concept_id AS stratum_2, count(*) AS n
FROM event GROUP BY concept_id, type_concept_id;
