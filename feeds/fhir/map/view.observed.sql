-- What was observed: observations, and the components of panels, in one form. A
-- panel without a value of its own is told by its components or members.
SELECT *, id AS key, 'observations' AS source_table
FROM observations
WHERE NOT panel
   OR coalesce(CAST(value_number AS VARCHAR), CAST(value_integer AS VARCHAR), CAST(value_boolean AS VARCHAR), value_code, value_string) IS NOT NULL
UNION ALL BY NAME
SELECT *, id || ':' || component AS key, 'observation_components' AS source_table
FROM observation_components
