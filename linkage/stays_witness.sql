-- What stays say of records. In: unit, stay_record, stay_pair(a, b, key). Out:
-- testimony, a row for each stay that two records share and for each key that
-- found it, and witness(deposit, person, other_deposit, other_person, stays), in
-- both directions.
CREATE TABLE testimony AS
SELECT a.deposit, a.person, b.deposit AS other_deposit, b.person AS other_person, key, stay_pair.a AS unit, stay_pair.b AS other_unit
FROM stay_pair JOIN stay_record a ON a.unit = stay_pair.a JOIN stay_record b ON b.unit = stay_pair.b
UNION ALL
-- one provider's stay, of which two deposits tell
SELECT deposit, person, other_deposit, other_person, NULL, unit, unit
FROM (SELECT *, lead(deposit) OVER later AS other_deposit, lead(person) OVER later AS other_person
      FROM stay_record WHERE unit IN (SELECT unit FROM stay_record GROUP BY unit HAVING count(*) > 1)
      WINDOW later AS (PARTITION BY unit ORDER BY deposit, person))
WHERE other_deposit <> deposit;

CREATE TABLE witness AS
SELECT deposit, person, other_deposit, other_person, count(*) AS stays FROM testimony GROUP BY ALL
UNION ALL
SELECT other_deposit, other_person, deposit, person, count(*) FROM testimony GROUP BY ALL;
