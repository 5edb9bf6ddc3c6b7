-- What a linkage found: a name and a count each.
SELECT 'records', count(*) FROM link
UNION ALL
SELECT 'persons', count(DISTINCT key) FROM link
UNION ALL
SELECT 'collisions', count(DISTINCT key) - count(DISTINCT person_id) FROM link
UNION ALL
SELECT 'shared', count(*) FROM (FROM link SELECT key GROUP BY key HAVING count(DISTINCT deposit) > 1)
UNION ALL
SELECT method, count(*) FROM link GROUP BY method;
