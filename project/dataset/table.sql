-- The training table: the features side by side. What no event tells is 0 of a count, and nothing of a value.
CREATE TEMP TABLE wide AS
FROM (PIVOT found ON feature IN ({{.Features}}) USING any_value(value) GROUP BY row);
