-- Rows that start after they end, of all rows that start.
SELECT
    count(*) FILTER (t.{field} > t.{plausibleStartBeforeEndFieldName}) AS violated,
    count(t.{field}) AS denominator
FROM cdm.{table} t
