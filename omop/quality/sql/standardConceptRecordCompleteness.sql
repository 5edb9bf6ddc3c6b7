-- Rows whose standard concept is 0, of all rows; for the unit of a measurement or
-- an observation, of the rows that have a number.
SELECT
    count(*) FILTER (t.{field} = 0 AND {counted}) AS violated,
    count(*) FILTER ({counted}) AS denominator
FROM cdm.{table} t
