-- Persons of whom the table has no row, of all persons.
SELECT
    count(*) FILTER (t.person_id IS NULL) AS violated,
    count(*) AS denominator
FROM cdm.person p
LEFT JOIN (SELECT DISTINCT person_id FROM cdm.{table}) t ON t.person_id = p.person_id
