-- person: one row a patient.
-- Source: patients.
-- Rule: the birth date arrives as the first day of its month. Concepts: Gender 8507 male, 8532 female; Race 8527,
--   8516, 8515, 8557; Ethnicity 38003563 Hispanic or Latino, 38003564 not.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, PERSON
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#person)
SELECT
    person_id,
    CASE gender WHEN 'M' THEN 8507 WHEN 'F' THEN 8532 ELSE 0 END AS gender_concept_id,
    year(birthdate)  AS year_of_birth,
    month(birthdate) AS month_of_birth,
    CASE race
        WHEN 'white' THEN 8527
        WHEN 'black' THEN 8516
        WHEN 'asian' THEN 8515
        WHEN 'hawaiian' THEN 8557
        ELSE 0
    END AS race_concept_id,
    CASE ethnicity WHEN 'hispanic' THEN 38003563 WHEN 'nonhispanic' THEN 38003564 ELSE 0 END AS ethnicity_concept_id,
    county || ', ' || state AS location_key,
    gender           AS gender_source_value,
    race             AS race_source_value,
    ethnicity        AS ethnicity_source_value,
    'patients'       AS source_table,
    line             AS source_line
FROM patients
