-- Values below the lowest plausible one, of all rows that have a value.
SELECT
    count(*) FILTER (t.{field} < {plausibleValueLow}) AS violated,
    count(t.{field}) AS denominator
FROM cdm.{table} t
