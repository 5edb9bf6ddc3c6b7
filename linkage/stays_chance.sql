-- How often a stay of another person finds exactly one stay of a side that is not
-- joined yet, under a key: as often as one of the side's own stays finds exactly one
-- other, as one side knows a stay once. open_share is the share that is not joined.
-- Many equal stays find many, and so join nobody. Tokens are random, so that those of
-- some remainder are a fair sample. And how many stays find exactly one of all others.
WITH part AS (SELECT ?::UBIGINT AS of, ?::DOUBLE AS open_share)
SELECT coalesce(sum(CASE WHEN n > 1 THEN n * (n - 1) * open_share * pow(1 - open_share, n - 2) ELSE 0 END) / sum(n), 0)::DOUBLE,
       coalesce(sum(n) FILTER (n = 2) * any_value(of), 0)::BIGINT
FROM (SELECT count(*) AS n FROM unit WHERE side = ? AND {key} IS NOT NULL AND {key} % (SELECT of FROM part) = 0 GROUP BY {key}), part