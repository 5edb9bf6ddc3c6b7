-- event.stays: the principal diagnosis on a hospital's bill.
-- Source: stays.
-- Rule: 32810: claim; 32902: primary diagnosis. The hospital's own
--   record of it, where there is one, stands beside it with its own type.
-- Reference: OMOP CDM 5.4, conventions (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT
    person_id,
    'Condition'             AS domain_id,
    'ICD10'                 AS vocabulary_id,
    principal_diagnosis     AS concept_code,
    32810                   AS type_concept_id,
    32902                   AS condition_status_concept_id,
    entry                   AS start_date,
    coalesce("exit", entry) AS end_date,
    stay_id                 AS visit_key,
    'stays'                 AS source_table,
    line                    AS source_line
FROM stays
WHERE principal_diagnosis IS NOT NULL
