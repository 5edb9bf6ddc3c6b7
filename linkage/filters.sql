-- What filters say of whom nothing else linked, one query after the other, each after its
-- name. In: placed(deposit, person, key, method) and record, as resolve.sql left them;
-- filter_key(deposit, key), the check value of the key of each deposit's filters.

-- name: setup
-- Records with one key are a group, which has a number; those of a group that nothing linked (method
-- alone) may still find theirs. As tokens of the same traits have made them one, a group may have
-- records of several deposits.
CREATE TEMP TABLE grouped AS
SELECT deposit, person, key, method, "group", lonely
FROM placed
JOIN (SELECT key, row_number() OVER (ORDER BY key) AS "group", bool_and(method = 'alone') AS lonely FROM placed GROUP BY key) USING (key);

-- Those with a filter.
CREATE TEMP TABLE filtered AS
SELECT deposit, person, filter, "group", lonely
FROM grouped JOIN record USING (deposit, person)
WHERE filter IS NOT NULL AND deposit IN (SELECT deposit FROM filter_key);

-- Records of one deposit that nothing linked and whose filters are equal, all traits of them, are one
-- person whom it knows under several numbers: one group.
CREATE TEMP TABLE twice AS
SELECT "group", min("group") OVER (PARTITION BY deposit, filter) AS first FROM filtered
WHERE lonely AND "group" NOT IN (SELECT "group" FROM grouped GROUP BY ALL HAVING count(*) > 1)
QUALIFY "group" <> first;
UPDATE grouped SET "group" = first FROM twice WHERE grouped."group" = twice."group";
UPDATE filtered SET "group" = first FROM twice WHERE filtered."group" = twice."group";

CREATE TEMP TABLE near (a BIGINT, b BIGINT, dice DOUBLE);
CREATE TEMP TABLE found ("group" BIGINT, key_of BIGINT);
CREATE TEMP TABLE doubtful ("group" BIGINT);
-- name: deposits
-- Deposits with filters, and how many of their records nothing linked.
SELECT deposit, filter_key.key, count(*), count(*) FILTER (lonely)
FROM filtered JOIN filter_key USING (deposit) GROUP BY ALL ORDER BY deposit
-- name: seekers
SELECT "group", filter FROM filtered WHERE deposit = ? AND lonely ORDER BY person
-- name: others
-- Records that somebody of a deposit may be: those of persons whom that deposit does not know. Two
-- that both seek are compared once.
SELECT "group", filter FROM filtered
WHERE deposit = ?1 AND (NOT lonely OR ?2 < ?1)
  AND "group" NOT IN (SELECT "group" FROM grouped WHERE deposit = ?2)
ORDER BY person
-- name: pairs
-- Pairs of groups, each once, and whether stays contradict: those of one name persons, and the other is none of them.
WITH best AS (
  SELECT least(a, b) AS a, greatest(a, b) AS b, max(dice) AS dice FROM near GROUP BY ALL
),
key_of AS (SELECT DISTINCT "group", key, lonely FROM grouped WHERE "group" IN (SELECT a FROM best UNION SELECT b FROM best))
SELECT best.a, best.b, dice, bool_or(
       coalesce(x.lonely AND EXISTS (FROM named WHERE named.alone = x.key) AND NOT EXISTS (FROM named WHERE named.alone = x.key AND named.key = y.key), false)
    OR coalesce(y.lonely AND EXISTS (FROM named WHERE named.alone = y.key) AND NOT EXISTS (FROM named WHERE named.alone = y.key AND named.key = x.key), false))
FROM best JOIN key_of x ON x."group" = best.a JOIN key_of y ON y."group" = best.b
GROUP BY best.a, best.b, dice ORDER BY dice DESC, best.a, best.b
-- name: members
-- Whom the groups of pairs are known to.
SELECT "group", deposit, any_value(lonely)
FROM grouped WHERE "group" IN (SELECT a FROM near UNION SELECT b FROM near)
GROUP BY ALL ORDER BY "group", deposit
-- name: take
UPDATE placed SET key = kept.key, method = 'probability'
FROM found JOIN (SELECT DISTINCT "group", key FROM grouped) mine USING ("group") JOIN (SELECT "group", min(key) AS key FROM grouped GROUP BY ALL) kept ON kept."group" = found.key_of
WHERE placed.key = mine.key AND placed.method = 'alone'
-- name: rates
SELECT deposit, count(*), count(*) FILTER (lonely), count(*) FILTER ("group" IN (SELECT "group" FROM found)),
       count(*) FILTER (lonely AND "group" IN (FROM doubtful) AND "group" NOT IN (SELECT "group" FROM found))
FROM filtered GROUP BY deposit ORDER BY deposit
