-- 207, visits of persons who are not there.
INSERT INTO profile.tally BY NAME
SELECT 207 AS analysis_id, count(*) AS n
FROM event ANTI JOIN cdm.person USING (person_id);

-- 209, visits whose care site is not there.
INSERT INTO profile.tally BY NAME
SELECT 209 AS analysis_id, count(*) AS n
FROM cdm.visit_occurrence v ANTI JOIN cdm.care_site USING (care_site_id)
WHERE v.care_site_id IS NOT NULL AND v.person_id BETWEEN getvariable('first_person') AND getvariable('last_person');

-- 210, visits outside of their person's observation.
INSERT INTO profile.tally BY NAME
SELECT 210 AS analysis_id, count(*) AS n
FROM event e
WHERE NOT EXISTS (
    FROM cdm.observation_period o
    WHERE o.person_id = e.person_id AND e.date BETWEEN o.observation_period_start_date AND o.observation_period_end_date
);

-- 212, persons by year, gender and age decile.
INSERT INTO profile.tally BY NAME
SELECT 212 AS analysis_id, s.year AS stratum_1, p.gender_concept_id AS stratum_2, decile(s.year - p.year_of_birth) AS stratum_3, count(*) AS n
FROM (SELECT DISTINCT person_id, month // 100 AS year FROM seen) s
JOIN cdm.person p USING (person_id)
WHERE s.year >= p.year_of_birth
GROUP BY ALL;

-- 213, length of stay in days by kind of visit.
INSERT INTO profile.tally BY NAME
SELECT 213 AS analysis_id, concept_id AS stratum_1, end_date - date AS value, count(*) AS n
FROM event WHERE end_date >= date GROUP BY ALL;

-- 221, persons by year.
INSERT INTO profile.tally BY NAME
SELECT 221 AS analysis_id, month // 100 AS stratum_1, count(DISTINCT person_id) AS n
FROM seen GROUP BY ALL;
