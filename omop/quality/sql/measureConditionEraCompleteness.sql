-- Persons who have a condition but no era of one, of all who have a condition.
SELECT
    count(*) FILTER (e.person_id IS NULL) AS violated,
    count(*) AS denominator
FROM (SELECT DISTINCT person_id FROM cdm.condition_occurrence) p
LEFT JOIN (SELECT DISTINCT person_id FROM cdm.{table}) e ON e.person_id = p.person_id
