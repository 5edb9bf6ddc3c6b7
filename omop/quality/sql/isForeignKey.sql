-- Rows whose value is no key of the table that it points at, of all rows.
SELECT
    count(*) FILTER (t.{field} IS NOT NULL AND f.{fkFieldName} IS NULL) AS violated,
    count(*) AS denominator
FROM cdm.{table} t
LEFT JOIN cdm.{fkTableName} f ON f.{fkFieldName} = t.{field}
