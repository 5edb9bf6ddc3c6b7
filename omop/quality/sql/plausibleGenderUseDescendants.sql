-- Rows of concepts below one of those named about persons of another gender than
-- they concern, of all rows of such concepts.
SELECT
    count(*) FILTER (p.gender_concept_id <> {gender}) AS violated,
    count(*) AS denominator
FROM cdm.{table} t
JOIN cdm.person p ON p.person_id = t.person_id
WHERE t.{field} IN (SELECT descendant_concept_id FROM cdm.concept_ancestor WHERE ancestor_concept_id IN ({conceptId}))
