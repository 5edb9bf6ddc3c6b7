-- Rows without a value in the field, of all rows.
SELECT
    count(*) - count(t.{field}) AS violated,
    count(*) AS denominator
FROM cdm.{table} t
