-- The most frequent values, each of enough persons.
WITH v AS (SELECT {value} AS value, {person} AS person FROM {from})
SELECT value::VARCHAR, count(*) AS "rows"
FROM v
WHERE value IS NOT NULL
GROUP BY value
HAVING count(DISTINCT person) >= {least}
ORDER BY "rows" DESC, value
LIMIT {values}
