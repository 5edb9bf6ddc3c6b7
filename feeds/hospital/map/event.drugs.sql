-- Drugs given in a stay. 32833: EHR administration record.
SELECT
    person_id,
    'Drug'  AS domain_id,
    'ATC'   AS vocabulary_id,
    atc     AS concept_code,
    32833   AS type_concept_id,
    start_date,
    end_date,
    quantity,
    stay_id AS visit_key,
    'drugs' AS source_table,
    line    AS source_line
FROM drugs
