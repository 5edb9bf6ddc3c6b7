-- What a provider's rows tell of stays, put together. In: fact(person, stay, place, and a
-- column for each trait), a row for each row that tells something: of a stay, where
-- there is one, or else of a place, or of a person and all of her stays. Out:
-- stay_fact, place_fact and person_fact, one row for each. A place may have other numbers than its FINESS. Where rows differ, the greatest text counts: any
-- would do, and it is the same one next time.
CREATE TABLE stay_fact AS
SELECT stay, max(person) AS person, max(place) AS place, max(finess) AS finess, max(entry) AS entry, max(exit) AS exit, max(diagnosis) AS diagnosis,
       max(commune) AS commune, max(sex) AS sex, max(birth_date) AS birth_date, max(birth_year) AS birth_year, max(birth_month) AS birth_month
FROM fact WHERE stay IS NOT NULL GROUP BY stay;

CREATE TABLE place_fact AS
SELECT place, max(finess) FILTER (regexp_matches(finess, '(^|[|])[0-9][0-9AB][0-9]{7}$')) AS finess
FROM fact WHERE stay IS NULL AND place IS NOT NULL GROUP BY place;

CREATE TABLE person_fact AS
SELECT person, max(commune) AS commune, max(sex) AS sex, max(birth_date) AS birth_date, max(birth_year) AS birth_year, max(birth_month) AS birth_month
FROM fact WHERE stay IS NULL AND place IS NULL GROUP BY person;

DROP TABLE fact;
