-- Of every event table: 226, records by concept of their visit and by table.
INSERT INTO profile.tally BY NAME
SELECT 226 AS analysis_id, v.visit_concept_id AS stratum_1, getvariable('of') AS stratum_2, count(*) AS n
FROM event e
JOIN cdm.visit_occurrence v USING (visit_occurrence_id)
WHERE v.person_id BETWEEN getvariable('first_person') AND getvariable('last_person')
GROUP BY v.visit_concept_id;

-- 1326, records by concept of their visit's detail and by table.
INSERT INTO profile.tally BY NAME
SELECT 1326 AS analysis_id, d.visit_detail_concept_id AS stratum_1, getvariable('of') AS stratum_2, count(*) AS n
FROM event e
JOIN cdm.visit_detail d USING (visit_detail_id)
WHERE d.person_id BETWEEN getvariable('first_person') AND getvariable('last_person')
GROUP BY d.visit_detail_concept_id;

-- 1900, source values without a standard concept, by table and column.
INSERT INTO profile.tally BY NAME
SELECT
    1900 AS analysis_id,
    getvariable('of') AS stratum_1,
    regexp_replace(getvariable('of'), '_(occurrence|exposure)$', '') || '_source_value' AS stratum_2,
    source_value AS stratum_3,
    count(*) AS n
FROM event
WHERE concept_id = 0 AND source_value IS NOT NULL
GROUP BY source_value;
