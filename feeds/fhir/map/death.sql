-- A death without its date has no row in the CDM.
SELECT
    person_id,
    CAST(deceased_at AS DATE) AS death_date,
    deceased_at               AS death_datetime,
    32817                     AS death_type_concept_id, -- EHR
    'patients'                AS source_table,
    line                      AS source_line
FROM patients
WHERE deceased_at IS NOT NULL
