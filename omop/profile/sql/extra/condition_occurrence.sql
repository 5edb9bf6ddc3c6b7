-- 414 to 416, records by status, by type, by both.
INSERT INTO profile.tally BY NAME
WITH counted AS (
    SELECT coalesce(condition_status_concept_id, 0) AS status, condition_type_concept_id AS type, count(*) AS n
    FROM cdm.condition_occurrence
    WHERE person_id BETWEEN getvariable('first_person') AND getvariable('last_person')
    GROUP BY ALL
)
SELECT 414 AS analysis_id, status AS stratum_1, NULL AS stratum_2, n FROM counted
UNION ALL
SELECT 415, type, NULL, n FROM counted
UNION ALL
SELECT 416, status, type, n FROM counted;
