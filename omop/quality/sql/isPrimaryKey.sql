-- Rows that share their key with another, of all rows.
SELECT
    coalesce(sum(t.n) FILTER (t.n > 1), 0) AS violated,
    coalesce(sum(t.n), 0) AS denominator
FROM (SELECT {field}, count(*) AS n FROM cdm.{table} GROUP BY {field}) t
