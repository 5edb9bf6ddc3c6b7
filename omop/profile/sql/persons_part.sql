-- Of the persons at hand: which tables tell of each, by a bit for each table.
CREATE OR REPLACE TEMP TABLE told_of AS
SELECT
    p.person_id,
    coalesce(bool_or(l.table_name = 'condition_occurrence'), false) AS conditions,
    coalesce(bool_or(l.table_name = 'drug_exposure'), false)        AS drugs,
    coalesce(bool_or(l.table_name = 'device_exposure'), false)      AS devices,
    coalesce(bool_or(l.table_name = 'measurement'), false)          AS measurements,
    coalesce(bool_or(l.table_name = 'procedure_occurrence'), false) AS procedures,
    coalesce(bool_or(l.table_name = 'observation'), false)          AS observations,
    coalesce(bool_or(l.table_name = 'visit_occurrence'), false)     AS visits
FROM cdm.person p
LEFT JOIN profile.last_told l USING (person_id)
WHERE p.person_id BETWEEN getvariable('first_person') AND getvariable('last_person')
GROUP BY p.person_id;

-- 2000 to 2003, persons with a condition and a drug, a condition and a procedure, a
-- measurement too, a visit.
INSERT INTO profile.tally BY NAME
SELECT 2000 AS analysis_id, count(*) AS n FROM told_of WHERE conditions AND drugs
UNION ALL
SELECT 2001, count(*) FROM told_of WHERE conditions AND procedures
UNION ALL
SELECT 2002, count(*) FROM told_of WHERE measurements AND conditions AND drugs
UNION ALL
SELECT 2003, count(*) FROM told_of WHERE visits;

-- 2004, persons by which tables tell of them: condition, drug, device, measurement, death,
-- procedure, observation.
INSERT INTO profile.tally BY NAME
SELECT
    2004 AS analysis_id,
    concat_ws('', conditions::INT, drugs::INT, devices::INT, measurements::INT, (d.person_id IS NOT NULL)::INT, procedures::INT, observations::INT) AS stratum_1,
    count(*) AS n
FROM told_of LEFT JOIN cdm.death d USING (person_id)
GROUP BY ALL;

-- 511 to 515, days from death to the last record of a table; what came after death counts
-- above zero.
INSERT INTO profile.tally BY NAME
SELECT a.analysis_id, l.last_date - d.death_date AS value, count(*) AS n
FROM cdm.death d
JOIN profile.last_told l USING (person_id)
JOIN (VALUES (511, 'condition_occurrence'), (512, 'drug_exposure'), (513, 'visit_occurrence'), (514, 'procedure_occurrence'), (515, 'observation')) a(analysis_id, table_name) USING (table_name)
GROUP BY ALL;

TRUNCATE profile.last_told;
