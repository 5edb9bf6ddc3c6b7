-- 20 million measurements of 200,000 persons. The hashes make columns that
-- compress as real ones do: some well, some hardly.
CREATE TABLE measurement AS
SELECT
    i AS measurement_id,
    hash(i) % 200000 + 1 AS person_id,
    (hash(i + 1) % 3000 * (hash(i + 2) % 1000) // 1000 + 3000000)::INTEGER AS measurement_concept_id,
    DATE '2010-01-01' + (hash(i + 3) % 5000)::INTEGER AS measurement_date,
    (hash(i + 4) % 1000000007)::DOUBLE / 1000 AS value_as_number,
    hash(i + 5) % 4000000 AS visit_occurrence_id,
    'LOINC ' || hash(i + 6) % 20000 AS measurement_source_value
FROM range(20000000) t(i);
