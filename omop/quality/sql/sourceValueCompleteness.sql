-- Distinct source values of which some row has standard concept 0, of all distinct
-- source values. A missing value is none.
SELECT
    count(*) FILTER (t.unmapped) AS violated,
    count(*) AS denominator
FROM (
    SELECT {field}, bool_or({standardConceptFieldName} = 0) AS unmapped
    FROM cdm.{table}
    WHERE {field} IS NOT NULL
    GROUP BY {field}
) t
