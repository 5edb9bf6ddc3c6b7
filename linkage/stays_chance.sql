-- How many other stays of a side a stay agrees with under a key, on average: by
-- chance, as one side knows a stay once. Tokens are random, so that those of some
-- remainder are a fair sample.
SELECT coalesce((sum(n * n) - sum(n)) / sum(n), 0)::DOUBLE, coalesce(sum(n), 0)::BIGINT
FROM (SELECT count(*) AS n FROM unit WHERE side = ? AND {key} IS NOT NULL AND {key} % ? = 0 GROUP BY {key})
