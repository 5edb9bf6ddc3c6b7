-- Rows without a value in a field that the CDM requires, of all rows.
SELECT
    count(*) - count(t.{field}) AS violated,
    count(*) AS denominator
FROM cdm.{table} t
