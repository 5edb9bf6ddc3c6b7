-- Of stays: 12, persons by year, gender and age decile.
INSERT INTO profile.tally BY NAME
SELECT getvariable('base') + 12 AS analysis_id, s.year AS stratum_1, p.gender_concept_id AS stratum_2, decile(s.year - p.year_of_birth) AS stratum_3, count(*) AS n
FROM (SELECT DISTINCT person_id, month // 100 AS year FROM seen) s
JOIN cdm.person p USING (person_id)
WHERE s.year >= p.year_of_birth
GROUP BY ALL;

-- 13, length in days by concept.
INSERT INTO profile.tally BY NAME
SELECT getvariable('base') + 13 AS analysis_id, concept_id AS stratum_1, end_date - date AS value, count(*) AS n
FROM event WHERE end_date >= date GROUP BY ALL;

-- 21, persons by year.
INSERT INTO profile.tally BY NAME
SELECT getvariable('base') + 21 AS analysis_id, month // 100 AS stratum_1, count(DISTINCT person_id) AS n
FROM seen GROUP BY ALL;
