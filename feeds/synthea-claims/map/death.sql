SELECT
    person_id,
    deathdate  AS death_date,
    32810      AS death_type_concept_id, -- claim
    'patients' AS source_table,
    line       AS source_line
FROM patients
WHERE deathdate IS NOT NULL
