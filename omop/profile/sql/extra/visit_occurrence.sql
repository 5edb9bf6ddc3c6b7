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
