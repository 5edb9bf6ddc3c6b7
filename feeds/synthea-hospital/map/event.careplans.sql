SELECT
    person_id,
    'Procedure' AS domain_id,
    'SNOMED'    AS vocabulary_id,
    code        AS concept_code,
    32817       AS type_concept_id, -- EHR
    start       AS start_date,
    stop        AS end_date,
    encounter   AS visit_key,
    'careplans' AS source_table,
    line        AS source_line
FROM careplans
