-- How many distinct concepts a person has, of those who have any.
INSERT INTO profile.tally BY NAME
SELECT getvariable('base') + 3 AS analysis_id, concepts AS value, count(*) AS n
FROM (SELECT count(DISTINCT concept_id) AS concepts FROM seen GROUP BY person_id)
GROUP BY concepts;
