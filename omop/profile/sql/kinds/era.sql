-- Of eras: 07, length in days by concept.
INSERT INTO profile.tally BY NAME
SELECT getvariable('base') + 7 AS analysis_id, concept_id AS stratum_1, end_date - date AS value, count(*) AS n
FROM event WHERE end_date >= date GROUP BY ALL;
