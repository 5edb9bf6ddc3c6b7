-- view.observed: what was observed: observations, and the components of panels, in one form.
-- Source: observation_components, observations.
-- Rule: a panel without a value of its
--   own is told by its components or members.
-- Reference: FHIR R4, https://hl7.org/fhir/R4/observation.html; OMOP CDM 5.4, conventions
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT *, id AS key, 'observations' AS source_table
FROM observations
WHERE NOT panel
   OR coalesce(CAST(value_number AS VARCHAR), CAST(value_integer AS VARCHAR), CAST(value_boolean AS VARCHAR), value_code, value_string) IS NOT NULL
UNION ALL BY NAME
SELECT *, id || ':' || component AS key, 'observation_components' AS source_table
FROM observation_components
