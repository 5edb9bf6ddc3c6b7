-- Rows whose value is not a whole number where the CDM asks for an integer, of all rows.
SELECT
    count(*) FILTER (t.{field} IS NOT NULL AND coalesce(TRY_CAST(t.{field} AS DOUBLE) <> floor(TRY_CAST(t.{field} AS DOUBLE)), true)) AS violated,
    count(*) AS denominator
FROM cdm.{table} t
