-- Rows of the concept about persons of another gender than it concerns, of all rows
-- of the concept.
SELECT
    count(*) FILTER (p.gender_concept_id <> {gender}) AS violated,
    count(*) AS denominator
FROM cdm.{table} t
JOIN cdm.person p ON p.person_id = t.person_id
WHERE t.{field} IN ({conceptId})
