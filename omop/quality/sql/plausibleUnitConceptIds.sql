-- Numbers of the concept in a unit that is none of those that suit it, of all its
-- numbers whose source names a unit.
SELECT
    count(*) FILTER (t.unit_concept_id NOT IN ({plausibleUnitConceptIds})) AS violated,
    count(*) AS denominator
FROM cdm.{table} t
WHERE t.{field} IN ({conceptId}) AND t.value_as_number IS NOT NULL AND t.unit_source_value IS NOT NULL
