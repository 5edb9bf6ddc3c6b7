-- An invented space of 2,000 persons: what a person has follows from the number.
CREATE TABLE person AS SELECT i::BIGINT AS person_id, CASE WHEN i % 500 = 7 THEN 8521 WHEN i % 2 = 0 THEN 8507 ELSE 8532 END AS gender_concept_id,
    1940 + (i * 7) % 60 AS year_of_birth, CASE WHEN i % 9 = 0 THEN NULL ELSE (i % 12) + 1 END AS month_of_birth, (i % 8 + 1)::BIGINT AS location_id FROM range(1, 2001) t(i);
CREATE TABLE visit_occurrence AS SELECT row_number() OVER ()::BIGINT AS visit_occurrence_id, i::BIGINT AS person_id, DATE '2020-01-01' + ((i * 13 + k * 97) % 1400)::INTEGER AS visit_start_date,
    DATE '2020-01-01' + ((i * 13 + k * 97) % 1400 + (i + k) % 9)::INTEGER AS visit_end_date, CASE WHEN (i + k) % 4 = 0 THEN 9201 ELSE 9202 END AS visit_concept_id
    FROM range(1, 2001) t(i), range(0, 5) u(k) WHERE k <= i % 5;
CREATE TABLE condition_occurrence AS SELECT row_number() OVER ()::BIGINT AS condition_occurrence_id, i::BIGINT AS person_id, CASE WHEN i % 3 = 0 THEN 201826 WHEN i % 401 = 0 THEN 999 ELSE 320128 END AS condition_concept_id,
    DATE '2021-03-01' + (i % 300)::INTEGER AS condition_start_date, 'source ' || i AS condition_source_value FROM range(1, 1801) t(i);
CREATE TABLE measurement AS SELECT row_number() OVER ()::BIGINT AS measurement_id, i::BIGINT AS person_id, 3004410 AS measurement_concept_id,
    CASE WHEN i % 10 = 0 THEN NULL WHEN i = 77 THEN 1000000 ELSE 5 + (i * 37 % 100) / 10 END::DOUBLE AS value_as_number, DATE '2021-01-01' + (i % 700)::INTEGER AS measurement_date FROM range(1, 1501) t(i);
CREATE TABLE concept AS SELECT * FROM (VALUES (8507, 'MALE'), (8532, 'FEMALE'), (8521, 'OTHER'), (201826, 'Type 2 diabetes'), (320128, 'Hypertension'), (999, 'Rare'), (1, 'Disease')) t(concept_id, concept_name);
CREATE TABLE concept_ancestor AS SELECT * FROM (VALUES (1, 201826), (1, 320128), (201826, 201826)) t(ancestor_concept_id, descendant_concept_id);
CREATE TABLE location AS SELECT i::BIGINT AS location_id, 'L' || i AS state FROM range(1, 9) t(i);
