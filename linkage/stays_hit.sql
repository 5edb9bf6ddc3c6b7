-- The stays of two sides that one key joins: those whose token is the only one on
-- either side. a and b are the stays that are not joined yet.
CREATE OR REPLACE TEMP TABLE hit AS
WITH only_a AS (SELECT {key} AS token, any_value(unit) AS a FROM {a} WHERE {key} IS NOT NULL GROUP BY token HAVING count(*) = 1),
     only_b AS (SELECT {key} AS token, any_value(unit) AS b FROM {b} WHERE {key} IS NOT NULL GROUP BY token HAVING count(*) = 1)
SELECT a, b FROM only_a JOIN only_b USING (token);
