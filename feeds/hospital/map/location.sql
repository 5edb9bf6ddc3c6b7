-- location: departments where persons live.
-- Source: patients.
-- Rule: departments are as near as health data comes to an address.
-- Reference: OMOP CDM 5.4, LOCATION (https://ohdsi.github.io/CommonDataModel/cdm54.html#location)
SELECT
    department          AS key,
    department          AS county,
    'FR-' || department AS location_source_value,
    'patients'          AS source_table,
    min(line)           AS source_line,
    list(line)          AS source_lines
FROM patients
WHERE department IS NOT NULL
GROUP BY department
