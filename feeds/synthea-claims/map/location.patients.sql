-- location.patients: where a patient lives.
-- Source: patients.
-- Rule: one location a county; the address stays with the provider.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, LOCATION
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#location)
SELECT
    county || ', ' || state           AS key,
    left(county, 20)                  AS county,
    left(county || ', ' || state, 50) AS location_source_value,
    'patients'                        AS source_table,
    min(line)                         AS source_line,
    list(line ORDER BY line)          AS source_lines
FROM patients
WHERE county IS NOT NULL AND state IS NOT NULL
GROUP BY county, state
