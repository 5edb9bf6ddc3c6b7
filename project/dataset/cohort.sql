-- The rows: each person and day of the cohort once, in an order of their own, and the split of
-- the person, by a keyed hash. The innermost query is the researcher's.
CREATE TEMP TABLE cohort AS
WITH asked AS (SELECT DISTINCT person_id::BIGINT AS person_id, index_date::DATE AS index_date FROM (
{{.Cohort}}
) WHERE person_id IS NOT NULL AND index_date IS NOT NULL),
placed AS (SELECT *, md5_number_lower({{.Key}} || '/' || person_id) / 18446744073709551616.0 AS share FROM asked)
SELECT row_number() OVER (ORDER BY md5({{.Key}} || '/' || person_id || '/' || index_date), person_id, index_date) - 1 AS row, person_id, index_date,
    CASE WHEN share < {{.Train}} THEN 'train' WHEN share < {{.Valid}} THEN 'valid' ELSE 'test' END AS split
FROM placed;

-- Which codes a feature is of; NULL is all.
CREATE TEMP TABLE codes (feature INTEGER, concept BIGINT);

-- What features have: one row for each that has something.
CREATE TEMP TABLE found (row BIGINT, feature INTEGER, value FLOAT);
