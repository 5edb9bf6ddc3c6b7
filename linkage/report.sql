-- What a linkage report counts, one query after the other, each after its name. They
-- read what gather.sql, stays_*.sql and resolve.sql left.

-- name: deposits
SELECT deposit, method, count(*) AS records, count(*) FILTER (key IN (SELECT key FROM link GROUP BY key HAVING count(DISTINCT deposit) > 1))
FROM link GROUP BY deposit, method ORDER BY deposit, method

-- name: years
SELECT provider, side, coalesce(year, 0), count(*), count(*) FILTER (unit IN (SELECT a FROM stay_pair UNION ALL SELECT b FROM stay_pair))
FROM unit GROUP BY ALL ORDER BY ALL

-- name: identified
-- Pairs whose two records both have an identifier: is it one person's?
WITH known AS (
  SELECT unit, any_value(a) AS a FROM stay_record JOIN by_identifier USING (deposit, person) GROUP BY unit HAVING count(DISTINCT a) = 1
)
SELECT x.side, y.side, key, count(*) FILTER (p.a = q.a), count(*) FILTER (p.a <> q.a)
FROM stay_pair s JOIN known p ON p.unit = s.a JOIN known q ON q.unit = s.b
JOIN (SELECT unit, side FROM unit) x ON x.unit = s.a JOIN (SELECT unit, side FROM unit) y ON y.unit = s.b
GROUP BY ALL

-- name: conflicts
WITH known AS (
  SELECT unit, any_value(a) AS a FROM stay_record JOIN by_identifier USING (deposit, person) GROUP BY unit HAVING count(DISTINCT a) = 1
),
contradicted AS (
  SELECT unnest([s.a, s.b]) AS unit FROM stay_pair s JOIN known p ON p.unit = s.a JOIN known q ON q.unit = s.b WHERE p.a <> q.a
),
claims AS (SELECT t0 FROM unit WHERE side = 0 AND t0 IS NOT NULL GROUP BY t0 HAVING count(DISTINCT provider) > 1),
twins AS (SELECT provider, t0 FROM unit WHERE t0 IS NOT NULL GROUP BY provider, t0 HAVING count(*) > 1)
SELECT provider,
       count(*) FILTER (unit IN (SELECT unit FROM contradicted)),
       count(*) FILTER (side = 0 AND t0 IN (FROM claims)),
       count(*) FILTER ((provider, t0) IN (SELECT (provider, t0) FROM twins))
FROM unit GROUP BY provider ORDER BY provider

-- name: clerical
SELECT (SELECT count(*) FROM (SELECT DISTINCT a, b FROM stay_doubt
        WHERE a NOT IN (SELECT a FROM stay_pair) AND b NOT IN (SELECT b FROM stay_pair))),
       (SELECT count(*) FROM left_over WHERE alone IN (SELECT alone FROM named) AND alone NOT IN (
          SELECT alone FROM left_over SEMI JOIN by_stays USING (deposit, person)))

-- name: recall
WITH known AS (
  SELECT unit, a, side FROM stay_record JOIN by_identifier USING (deposit, person) JOIN (SELECT unit, side FROM unit) USING (unit)
),
paid AS (SELECT DISTINCT a FROM known WHERE side > 0)
SELECT count(DISTINCT unit), count(DISTINCT unit) FILTER (unit IN (SELECT a FROM stay_pair))
FROM known SEMI JOIN paid USING (a) WHERE side = 0
