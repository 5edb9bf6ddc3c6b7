-- Rows whose concept is of another domain than the field's, concept 0 aside, of all rows.
SELECT
    count(*) FILTER (f.concept_id <> 0 AND f.domain_id <> '{fkDomain}') AS violated,
    count(*) AS denominator
FROM cdm.{table} t
LEFT JOIN cdm.concept f ON f.concept_id = t.{field}
