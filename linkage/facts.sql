-- What a provider's rows tell of stays, put together. In: fact(person, stay, and a
-- column for each trait), a row for each row that tells something: of a stay, where
-- there is one, or else of a person and all of her stays. Out: stay_fact and
-- person_fact, one row for each. Where rows differ, the greatest text counts: any
-- would do, and it is the same one next time.
CREATE TABLE stay_fact AS
SELECT stay, max(person) AS person, max(finess) AS finess, max(entry) AS entry, max(exit) AS exit, max(diagnosis) AS diagnosis,
       max(commune) AS commune, max(sex) AS sex, max(birth_date) AS birth_date, max(birth_year) AS birth_year, max(birth_month) AS birth_month
FROM fact WHERE stay IS NOT NULL GROUP BY stay;

CREATE TABLE person_fact AS
SELECT person, max(commune) AS commune, max(sex) AS sex, max(birth_date) AS birth_date, max(birth_year) AS birth_year, max(birth_month) AS birth_month
FROM fact WHERE stay IS NULL GROUP BY person;

DROP TABLE fact;
