-- A linkage beside the truth: of all pairs of records, those that are one person's,
-- those that were found to be, and those of both. Counting groups counts pairs: a
-- group of n has n (n - 1) / 2.
CREATE TEMP TABLE judged AS
SELECT deposit, person_id, method, true_person FROM ({link}) JOIN ({truth}) USING (deposit, person);

-- name: pairs
-- All, under the name '', then those with a record of each deposit.
WITH by_person AS (SELECT deposit, true_person AS id, count(*) AS n FROM judged GROUP BY ALL),
by_found AS (SELECT deposit, person_id AS id, count(*) AS n FROM judged GROUP BY ALL),
by_both AS (SELECT deposit, (true_person, person_id) AS id, count(*) AS n FROM judged GROUP BY ALL),
pairs AS (
  SELECT 'are' AS what, deposit, n, sum(n) OVER (PARTITION BY id) AS m FROM by_person
  UNION ALL
  SELECT 'found', deposit, n, sum(n) OVER (PARTITION BY id) FROM by_found
  UNION ALL
  SELECT 'right', deposit, n, sum(n) OVER (PARTITION BY id) FROM by_both
),
counted AS (
  SELECT deposit, what, sum(n * (m - n) + n * (n - 1) / 2) AS pairs FROM pairs GROUP BY ALL
  UNION ALL
  SELECT '', what, sum(n * (m - 1) / 2) FROM pairs GROUP BY what
)
SELECT deposit, max(pairs) FILTER (what = 'are')::BIGINT AS pairs_are, max(pairs) FILTER (what = 'found')::BIGINT, max(pairs) FILTER (what = 'right')::BIGINT
FROM counted GROUP BY deposit ORDER BY deposit
-- name: persons
WITH persons AS (
  SELECT true_person, count(DISTINCT deposit) AS deposits, count(DISTINCT person_id) AS found, any_value(person_id) AS person_id
  FROM judged GROUP BY true_person
),
mixed AS (SELECT person_id FROM judged GROUP BY person_id HAVING count(DISTINCT true_person) > 1)
SELECT count(*) FILTER (deposits > 1) AS several,
       count(*) FILTER (deposits > 1 AND found = 1 AND person_id NOT IN (FROM mixed)) AS whole
FROM persons
-- name: methods
-- Pairs with a record that each rule placed; and, under sought, those with a record that
-- was placed by its filter or not at all. A pair of n records of which m were placed so: all pairs less those of the others.
WITH rule AS (SELECT DISTINCT method FROM judged),
sizes AS (
  SELECT 'are' AS what, true_person::VARCHAR AS id, method, count(*) AS n FROM judged GROUP BY ALL
  UNION ALL
  SELECT 'found', person_id::VARCHAR, method, count(*) FROM judged GROUP BY ALL
  UNION ALL
  SELECT 'right', concat_ws(' ', true_person, person_id), method, count(*) FROM judged GROUP BY ALL
),
groups AS (SELECT what, id, sum(n) AS n, sum(n) FILTER (method IN ('probability', 'alone')) AS sought FROM sizes GROUP BY ALL),
of AS (
  SELECT rule.method, g.what, sum(g.n * (g.n - 1) / 2 - (g.n - coalesce(s.n, 0)) * (g.n - coalesce(s.n, 0) - 1) / 2) AS pairs,
         sum(g.n * (g.n - 1) / 2 - (g.n - coalesce(g.sought, 0)) * (g.n - coalesce(g.sought, 0) - 1) / 2) AS sought
  FROM rule CROSS JOIN groups g LEFT JOIN sizes s ON s.what = g.what AND s.id = g.id AND s.method = rule.method
  GROUP BY ALL
)
SELECT method, max(pairs) FILTER (what = 'are')::BIGINT, max(pairs) FILTER (what = 'found')::BIGINT, max(pairs) FILTER (what = 'right')::BIGINT,
       max(sought) FILTER (what = 'are')::BIGINT
FROM of GROUP BY method ORDER BY method
