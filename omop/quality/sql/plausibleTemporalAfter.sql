-- Rows whose date lies before another date of the row, of all rows.
SELECT
    count(*) FILTER (CAST(t.{plausibleTemporalAfterFieldName} AS DATE) > CAST(t.{field} AS DATE)) AS violated,
    count(*) AS denominator
FROM cdm.{table} t
