-- The field is there. One row is violated where it is not.
SELECT
    CASE WHEN count(*) = 0 THEN 1 ELSE 0 END AS violated,
    1 AS denominator
FROM information_schema.columns
WHERE table_schema = 'cdm' AND table_name = '{table}' AND column_name = '{field}'
