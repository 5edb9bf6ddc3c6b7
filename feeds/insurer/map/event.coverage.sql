-- event.coverage: recognised long-term illnesses.
-- Source: coverage.
-- Rule: a recognised long-term illness, from the day the period begins. 32810: claim.
-- Reference: OMOP CDM 5.4, conventions (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT
    person_id,
    'Condition'       AS domain_id,
    'ICD10'           AS vocabulary_id,
    long_term_illness AS concept_code,
    32810             AS type_concept_id,
    start_date,
    'coverage'        AS source_table,
    line              AS source_line
FROM coverage
WHERE long_term_illness IS NOT NULL
