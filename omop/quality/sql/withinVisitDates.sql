-- Rows more than a week before or after their visit, of all rows with a visit.
SELECT
    count(*) FILTER (t.{field} < v.visit_start_date - 7 OR t.{field} > v.visit_end_date + 7) AS violated,
    count(*) AS denominator
FROM cdm.{table} t
JOIN cdm.visit_occurrence v ON v.visit_occurrence_id = t.visit_occurrence_id
