-- death: deaths in the hospital.
-- Source: patients.
-- Rule: deaths in the hospital, which is where it learns of them. 32817: EHR.
-- Reference: OMOP CDM 5.4, DEATH (https://ohdsi.github.io/CommonDataModel/cdm54.html#death)
SELECT
    person_id,
    death_date AS death_date,
    32817      AS death_type_concept_id,
    'patients' AS source_table,
    line       AS source_line
FROM patients
WHERE death_date IS NOT NULL
