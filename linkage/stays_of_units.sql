-- Stays as each provider knows them. In: stay_told(provider, side, deposit, person, stay, year,
-- and a token for each key), a row for each stay of each deposit, later deposits
-- after earlier ones. A provider that tells of a stay again has corrected it.
--
-- Out: unit, a row for each stay of each provider with its latest tokens, and
-- stay_record, the records whose stay it is, by deposit.
CREATE TABLE unit AS
SELECT rowid AS unit, * EXCLUDE (deposit, person) FROM stay_told
WHERE rowid IN (SELECT max(rowid) FROM stay_told GROUP BY provider, stay);

CREATE TABLE stay_record AS
SELECT unit, deposit, person
FROM stay_told JOIN (SELECT unit, provider, stay FROM unit) USING (provider, stay);

DROP TABLE stay_told;

CREATE TABLE stay_pair (a BIGINT, b BIGINT, key UTINYINT);
CREATE TABLE stay_doubt (a BIGINT, b BIGINT, key UTINYINT);
