-- Who is who. In: record(deposit, person, a, b, c, provisional), a row for each
-- person whom a deposit knows; a, b and c are keyed tokens, or NULL where a trait is
-- missing:
--
--   a  the full identifier (NIR, SSN or FOIN); provisional says that it will change
--   b  surname at birth, first name, birth date and sex, as normalised
--   c  the same by sound
--
-- witness(deposit, person, other_deposit, other_person, stays) says how many hospital
-- stays two records have in common; stays_hit.sql found them.
--
-- Out: placed(deposit, person, key, method): records with one key are one person. The
-- rules, strongest first:
--
--   1. identifier  Records with the same a are one person. Records with
--                  different a are never one person, whatever their names or
--                  stays; but those of a provisional a are the one person with
--                  a lasting a whose b they have.
--   2. identity    A record without a joins the one person whose b it has.
--   3. stays       A record without a, whom rule 2 found nobody, joins the one
--                  person whom its stays name.
--   4. sound       A record without a, whom rule 3 found nobody, joins the one
--                  person whose c it has.
--   5. alone       Whoever is left is a person of its own: records without a and
--                  with the same b are one person if each comes from another
--                  deposit, and so are two whose stays name each other (stays).
--                  Their filters may find them somebody yet: filters.go.
--
-- "The one person" is meant: where two persons, or two records without a of one
-- deposit, share a token, that token is ambiguous and joins nobody.

-- Rule 1, of numbers that will change: b tokens that name one lasting a ...
CREATE TEMP TABLE lasting AS
SELECT b, any_value(a) AS a FROM record
WHERE a IS NOT NULL AND b IS NOT NULL AND NOT provisional
GROUP BY b HAVING count(DISTINCT a) = 1;

-- ... and no two provisional ones.
CREATE TEMP TABLE settled AS
SELECT record.a AS provisional_a, any_value(lasting.a) AS a
FROM record JOIN lasting USING (b)
WHERE record.provisional AND b NOT IN (
  SELECT b FROM record WHERE provisional AND b IS NOT NULL GROUP BY b HAVING count(DISTINCT a) > 1)
GROUP BY record.a HAVING count(DISTINCT lasting.a) = 1;

-- Records of persons with an identifier, and the tokens they are known by.
CREATE TEMP TABLE by_identifier AS
SELECT deposit, person, coalesce(settled.a, record.a) AS a, b, c
FROM record LEFT JOIN settled ON provisional AND provisional_a = record.a
WHERE record.a IS NOT NULL;

CREATE TEMP TABLE identified AS
SELECT DISTINCT a, b, c FROM by_identifier;

CREATE TEMP TABLE anonymous AS
SELECT deposit, person, b, c FROM record WHERE a IS NULL;

-- Rule 2: tokens b that name one person among the identified ...
CREATE TEMP TABLE name_of AS
SELECT b, any_value(a) AS a FROM identified WHERE b IS NOT NULL
GROUP BY b HAVING count(DISTINCT a) = 1;

-- ... tokens b that name several of them ...
CREATE TEMP TABLE namesakes AS
SELECT b FROM identified WHERE b IS NOT NULL GROUP BY b HAVING count(DISTINCT a) > 1
-- ... or two records without identifier of one deposit.
UNION
SELECT b FROM anonymous WHERE b IS NOT NULL GROUP BY deposit, b HAVING count(*) > 1;

CREATE TEMP TABLE by_identity AS
SELECT deposit, person, a AS key
FROM anonymous JOIN name_of USING (b)
WHERE b NOT IN (FROM namesakes);

-- Those whom rule 2 left, and the group whose members are one person in any case:
-- those with the same b, one from each deposit.
CREATE TEMP TABLE left_over AS
SELECT deposit, person, b, c, CASE WHEN b IS NULL OR b IN (FROM namesakes) THEN deposit || ':' || person ELSE b END AS alone
FROM anonymous ANTI JOIN by_identity USING (deposit, person);

-- Rule 3: whom the stays of a group name, and how many of them do. Nearly all must
-- name one person: at most one in five may name others.
CREATE TEMP TABLE named AS
WITH known AS (SELECT deposit, person, a AS key FROM by_identifier UNION SELECT deposit, person, key FROM by_identity)
SELECT alone, key, sum(stays) AS stays
FROM witness JOIN left_over USING (deposit, person)
JOIN known ON known.deposit = other_deposit AND known.person = other_person
GROUP BY alone, key;

CREATE TEMP TABLE by_stays AS
SELECT deposit, person, key
FROM left_over JOIN (
  SELECT alone, arg_max(key, stays) AS key FROM named GROUP BY alone HAVING 5 * max(stays) >= 4 * sum(stays)
) USING (alone);

CREATE TEMP TABLE unnamed AS
FROM left_over ANTI JOIN by_stays USING (deposit, person);

-- Rule 4, for those whom rule 3 left: as rule 2, with sounds.
CREATE TEMP TABLE sound_of AS
SELECT c, any_value(a) AS a FROM identified WHERE c IS NOT NULL
GROUP BY c HAVING count(DISTINCT a) = 1;

CREATE TEMP TABLE by_sound AS
SELECT deposit, person, a AS key
FROM unnamed JOIN sound_of USING (c)
WHERE b NOT IN (FROM namesakes)
  AND c NOT IN (SELECT c FROM unnamed WHERE c IS NOT NULL GROUP BY deposit, c HAVING count(*) > 1)
  -- different names of one sound are different persons to each other
  AND c NOT IN (SELECT c FROM unnamed WHERE c IS NOT NULL GROUP BY c HAVING count(DISTINCT b) > 1);

-- Rule 5. A record without any token is alone for certain, but for what its stays say
-- of others like it: two groups are one person where the stays of each name the other.
CREATE TEMP TABLE lonely AS
FROM unnamed ANTI JOIN by_sound USING (deposit, person);

CREATE TEMP TABLE fellow AS
SELECT alone, arg_max(other, stays) AS other
FROM (
  SELECT l.alone, o.alone AS other, sum(stays) AS stays
  FROM witness JOIN lonely l USING (deposit, person)
  JOIN lonely o ON o.deposit = other_deposit AND o.person = other_person
  WHERE l.alone <> o.alone
  GROUP BY ALL)
GROUP BY alone HAVING 5 * max(stays) >= 4 * sum(stays);

CREATE TEMP TABLE placed AS
SELECT deposit, person, a AS key, 'identifier' AS method FROM by_identifier
UNION ALL
SELECT deposit, person, key, 'identity' FROM by_identity
UNION ALL
SELECT deposit, person, key, 'stays' FROM by_stays
UNION ALL
SELECT deposit, person, key, 'sound' FROM by_sound
UNION ALL
SELECT deposit, person, least(lonely.alone, back.alone), CASE WHEN back.alone IS NULL THEN 'alone' ELSE 'stays' END
FROM lonely
LEFT JOIN fellow ON fellow.alone = lonely.alone
LEFT JOIN fellow back ON back.alone = fellow.other AND back.other = lonely.alone;
