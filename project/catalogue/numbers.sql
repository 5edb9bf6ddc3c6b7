-- Quantiles of a column of numbers, and of how many persons it is.
WITH v AS (SELECT ({value})::DOUBLE AS value, {person} AS person FROM {from}),
q AS (
    SELECT count(DISTINCT person) AS persons, quantile_cont(value, [0.05, 0.25, 0.5, 0.75, 0.95]) AS q
    FROM v WHERE isfinite(value)
)
SELECT persons, q[1], q[2], q[3], q[4], q[5] FROM q
