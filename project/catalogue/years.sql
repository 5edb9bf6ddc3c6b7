-- Years, each of enough persons.
WITH v AS (SELECT year({value}) AS value, {person} AS person FROM {from})
SELECT value::VARCHAR, count(*)
FROM v
WHERE value IS NOT NULL
GROUP BY value
HAVING count(DISTINCT person) >= {least}
ORDER BY value
