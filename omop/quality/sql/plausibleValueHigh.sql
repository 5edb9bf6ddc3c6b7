-- Values above the highest plausible one, of all rows that have a value.
SELECT
    count(*) FILTER (t.{field} > {plausibleValueHigh}) AS violated,
    count(t.{field}) AS denominator
FROM cdm.{table} t
