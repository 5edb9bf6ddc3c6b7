-- Numbers by concept and unit, each of enough persons.
WITH v AS (
    SELECT ({value})::DOUBLE AS value, {concept} AS concept, {unit} AS unit, {person} AS person FROM {from}
),
q AS (
    SELECT concept, unit, count(*) AS "rows", count(DISTINCT person) AS persons,
        quantile_cont(value, [0.05, 0.25, 0.5, 0.75, 0.95]) AS q
    FROM v WHERE isfinite(value) AND concept IS NOT NULL
    GROUP BY concept, unit
    HAVING count(DISTINCT person) >= {least}
)
SELECT concept::VARCHAR, coalesce(unit::VARCHAR, ''), "rows", persons, q[1], q[2], q[3], q[4], q[5]
FROM q
ORDER BY "rows" DESC, concept, unit
LIMIT {measures}
