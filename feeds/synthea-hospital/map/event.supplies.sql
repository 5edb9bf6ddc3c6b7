SELECT
    person_id,
    'Device'   AS domain_id,
    'SNOMED'   AS vocabulary_id,
    code       AS concept_code,
    32817      AS type_concept_id, -- EHR
    date       AS start_date,
    quantity,
    encounter  AS visit_key,
    'supplies' AS source_table,
    line       AS source_line
FROM supplies
