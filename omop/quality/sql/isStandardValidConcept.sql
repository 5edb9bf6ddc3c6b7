-- Rows whose concept is not a standard one, or is not valid any more, concept 0
-- aside, of all rows.
SELECT
    count(*) FILTER (f.concept_id <> 0 AND (f.standard_concept IS DISTINCT FROM 'S' OR f.invalid_reason IS NOT NULL)) AS violated,
    count(*) AS denominator
FROM cdm.{table} t
LEFT JOIN cdm.concept f ON f.concept_id = t.{field}
