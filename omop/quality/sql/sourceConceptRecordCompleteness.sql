-- Rows whose source concept is 0, of all rows.
SELECT
    count(*) FILTER (t.{field} = 0) AS violated,
    count(*) AS denominator
FROM cdm.{table} t
