-- Who a deposit knows by several records is one person: a register that has a
-- row for each number under which the person was insured, or a file of pseudonyms
-- beside one of names. In and out: record(deposit, person, a, b, c, provisional, filter), out
-- with one row for each person of a deposit.
--
-- Two identifiers that a deposit gives to one person (a NIR and a national
-- pseudonym) are one identifier, also where another deposit has but one of them.
-- They must be a pair over all deposits: an identifier with two partners is
-- paired with neither, so that no deposit can make two persons one by what it says
-- of a third.
CREATE TEMP TABLE pair AS
WITH named AS (
    SELECT DISTINCT deposit, person, a FROM record WHERE a IS NOT NULL
),
said AS (
    SELECT DISTINCT x.a, y.a AS partner FROM named x JOIN named y USING (deposit, person) WHERE x.a <> y.a
),
faithful AS (
    SELECT a, any_value(partner) AS partner FROM said GROUP BY a HAVING count(*) = 1
)
SELECT f.a, least(f.a, f.partner) AS stands_for
FROM faithful f
JOIN faithful back ON back.a = f.partner;

CREATE TABLE gathered AS
SELECT deposit, person, min(a) AS a, max(b) AS b, max(c) AS c, bool_and(provisional) AS provisional, max(filter) AS filter
FROM (SELECT record.* REPLACE (coalesce(pair.stands_for, record.a) AS a) FROM record LEFT JOIN pair ON pair.a = record.a)
GROUP BY deposit, person;
DROP TABLE record;
ALTER TABLE gathered RENAME TO record;
