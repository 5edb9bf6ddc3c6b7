-- visit_occurrence.dcir: care outside hospitals, one visit a person, day and professional.
-- Source: dcir_visit.
-- Rule: dcir_visit; a visit of which nothing remains after regularisation did not take place. 32810: claim.
-- Reference: as dcir_visit.
SELECT
    person_id,
    key,
    visit_concept_id,
    day      AS visit_start_date,
    day      AS visit_end_date,
    32810    AS visit_type_concept_id,
    activity AS visit_source_value,
    provider AS provider_key,
    'er_prs_f' AS source_table,
    line     AS source_line,
    lines    AS source_lines
FROM dcir_visit
WHERE remains > 0
