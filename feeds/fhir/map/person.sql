-- person: one row a patient.
-- Source: patients.
-- Rule: a year alone stays a year. Concepts: Gender 8507 male, 8532 female; Race by the categories of the US Office
--   of Management and Budget; Ethnicity 38003563 Hispanic or Latino, 38003564 not.
-- Reference: FHIR R4, https://hl7.org/fhir/R4/patient.html; OMOP CDM 5.4, PERSON
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#person)
SELECT
    person_id,
    CASE coalesce(gender, birth_sex)
        WHEN 'male' THEN 8507
        WHEN 'M' THEN 8507
        WHEN 'female' THEN 8532
        WHEN 'F' THEN 8532
        ELSE 0
    END AS gender_concept_id,
    birth_year  AS year_of_birth,
    birth_month AS month_of_birth,
    CASE race
        WHEN '2106-3' THEN 8527
        WHEN '2054-5' THEN 8516
        WHEN '2028-9' THEN 8515
        WHEN '2076-8' THEN 8557
        WHEN '1002-5' THEN 8657
        ELSE 0
    END AS race_concept_id,
    CASE ethnicity WHEN '2135-2' THEN 38003563 WHEN '2186-5' THEN 38003564 ELSE 0 END AS ethnicity_concept_id,
    state || ', ' || coalesce(country, '') AS location_key,
    practitioner AS provider_key,
    organization AS care_site_key,
    coalesce(gender, birth_sex) AS gender_source_value,
    race        AS race_source_value,
    0           AS race_source_concept_id,
    0           AS ethnicity_source_concept_id,
    ethnicity   AS ethnicity_source_value,
    'patients'  AS source_table,
    line        AS source_line
FROM patients
