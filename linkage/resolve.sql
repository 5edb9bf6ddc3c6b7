-- Who is who. In: record(deposit, person, a, b, c), a row for each person whom a
-- deposit knows; a, b and c are keyed tokens, or NULL where a trait is missing:
--
--   a  the full identifier (NIR or SSN)
--   b  surname at birth, first name, birth date and sex, as normalised
--   c  the same by sound
--
-- Out: link(deposit, person, person_id, method). The rules, strongest first:
--
--   1. identifier  Records with the same a are one person. Records with
--                  different a are never one person, whatever their names.
--   2. identity    A record without a joins the one person whose b it has.
--   3. sound       A record without a, whom rule 2 found nobody, joins the one
--                  person whose c it has.
--   4. alone       Whoever is left is a person of its own: records without a and
--                  with the same b are one person if each comes from another deposit.
--
-- "The one person" is meant: where two persons, or two records without a of one
-- deposit, share a token, that token is ambiguous and joins nobody.

-- Records of persons with an identifier, and the tokens they are known by.
CREATE TEMP TABLE identified AS
SELECT DISTINCT a, b, c FROM record WHERE a IS NOT NULL;

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

-- Rule 3, for those whom rule 2 left: the same with sounds.
CREATE TEMP TABLE left_over AS
SELECT deposit, person, b, c FROM anonymous ANTI JOIN by_identity USING (deposit, person);

CREATE TEMP TABLE sound_of AS
SELECT c, any_value(a) AS a FROM identified WHERE c IS NOT NULL
GROUP BY c HAVING count(DISTINCT a) = 1;

CREATE TEMP TABLE by_sound AS
SELECT deposit, person, a AS key
FROM left_over JOIN sound_of USING (c)
WHERE b NOT IN (FROM namesakes)
  AND c NOT IN (SELECT c FROM left_over WHERE c IS NOT NULL GROUP BY deposit, c HAVING count(*) > 1)
  -- different names of one sound are different persons to each other
  AND c NOT IN (SELECT c FROM left_over WHERE c IS NOT NULL GROUP BY c HAVING count(DISTINCT b) > 1);

-- Rule 4. A record without any token is alone for certain.
CREATE TEMP TABLE placed AS
SELECT deposit, person, a AS key, 'identifier' AS method FROM record WHERE a IS NOT NULL
UNION ALL
SELECT deposit, person, key, 'identity' FROM by_identity
UNION ALL
SELECT deposit, person, key, 'sound' FROM by_sound
UNION ALL
SELECT deposit, person,
       CASE WHEN b IS NULL OR b IN (FROM namesakes) THEN sha256(deposit || ':' || person) ELSE b END,
       'alone'
FROM left_over ANTI JOIN by_sound USING (deposit, person);

-- 60 bits of the key are the person's number: positive, and the same next time.
CREATE TABLE link AS
SELECT deposit, person, ('0x' || sha256(key)[1:15])::BIGINT AS person_id, key, method
FROM placed;
