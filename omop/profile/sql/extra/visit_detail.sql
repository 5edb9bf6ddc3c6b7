-- 1312, persons by year, gender and age decile.
INSERT INTO profile.tally BY NAME
SELECT 1312 AS analysis_id, s.year AS stratum_1, p.gender_concept_id AS stratum_2, decile(s.year - p.year_of_birth) AS stratum_3, count(*) AS n
FROM (SELECT DISTINCT person_id, month // 100 AS year FROM seen) s
JOIN cdm.person p USING (person_id)
WHERE s.year >= p.year_of_birth
GROUP BY ALL;

-- 1313, length in days by kind of detail.
INSERT INTO profile.tally BY NAME
SELECT 1313 AS analysis_id, concept_id AS stratum_1, end_date - date AS value, count(*) AS n
FROM event WHERE end_date >= date GROUP BY ALL;

-- 1321, persons by year.
INSERT INTO profile.tally BY NAME
SELECT 1321 AS analysis_id, month // 100 AS stratum_1, count(DISTINCT person_id) AS n
FROM seen GROUP BY ALL;

-- 1326, records by concept of their visit's detail and by table.
INSERT INTO profile.tally BY NAME
SELECT 1326 AS analysis_id, d.visit_detail_concept_id AS stratum_1, t.name AS stratum_2, count(*) AS n
FROM (
    SELECT 'condition_occurrence' AS name, visit_detail_id FROM cdm.condition_occurrence WHERE person_id BETWEEN getvariable('first_person') AND getvariable('last_person')
    UNION ALL SELECT 'procedure_occurrence', visit_detail_id FROM cdm.procedure_occurrence WHERE person_id BETWEEN getvariable('first_person') AND getvariable('last_person')
    UNION ALL SELECT 'drug_exposure', visit_detail_id FROM cdm.drug_exposure WHERE person_id BETWEEN getvariable('first_person') AND getvariable('last_person')
    UNION ALL SELECT 'device_exposure', visit_detail_id FROM cdm.device_exposure WHERE person_id BETWEEN getvariable('first_person') AND getvariable('last_person')
    UNION ALL SELECT 'measurement', visit_detail_id FROM cdm.measurement WHERE person_id BETWEEN getvariable('first_person') AND getvariable('last_person')
    UNION ALL SELECT 'observation', visit_detail_id FROM cdm.observation WHERE person_id BETWEEN getvariable('first_person') AND getvariable('last_person')
) t
JOIN cdm.visit_detail d USING (visit_detail_id)
GROUP BY ALL;
