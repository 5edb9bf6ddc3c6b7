-- Persons by concept and number of its records. The end adds up those who have more.
INSERT INTO profile.tally BY NAME
SELECT getvariable('base') + 91 AS analysis_id, concept_id AS stratum_1, records AS stratum_2, count(*) AS n
FROM (SELECT concept_id, sum(records) AS records FROM seen GROUP BY person_id, concept_id)
GROUP BY concept_id, records;
