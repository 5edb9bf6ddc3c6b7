-- death: deaths, as the patient record has them.
-- Source: patients.
-- Rule: a death without its date has no row in the CDM.
-- Reference: FHIR R4, https://hl7.org/fhir/R4/patient.html; OMOP CDM 5.4, DEATH
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#death)
SELECT
    person_id,
    CAST(deceased_at AS DATE) AS death_date,
    deceased_at               AS death_datetime,
    32817                     AS death_type_concept_id, -- EHR
    'patients'                AS source_table,
    line                      AS source_line
FROM patients
WHERE deceased_at IS NOT NULL
