SELECT
    person_id,
    'Procedure'       AS domain_id,
    'SNOMED'          AS vocabulary_id,
    procedure_code    AS concept_code,
    32817             AS type_concept_id, -- EHR
    date              AS start_datetime,
    encounter         AS visit_key,
    'imaging_studies' AS source_table,
    line              AS source_line
FROM imaging_studies
