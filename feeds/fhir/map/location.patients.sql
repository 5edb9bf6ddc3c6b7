-- location.patients: where a person lives.
-- Source: patients.
-- Rule: where a person lives, no closer than the state.
-- Reference: FHIR R4, https://hl7.org/fhir/R4/patient.html; OMOP CDM 5.4, LOCATION
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#location)
SELECT
    state || ', ' || coalesce(country, '')           AS key,
    CASE WHEN length(state) <= 2 THEN state END      AS state,
    left(state || ', ' || coalesce(country, ''), 50) AS location_source_value,
    'patients'                                       AS source_table,
    min(line)                                        AS source_line,
    list(line ORDER BY line)                         AS source_lines
FROM patients
WHERE state IS NOT NULL
GROUP BY state, country
