-- event.dispensations: drugs dispensed.
-- Source: dispensations.
-- Rule: drugs dispensed: the presentation (CIP) is kept as the source value, the ATC code is mapped. 32869:
--   pharmacy claim.
-- Reference: OMOP CDM 5.4, conventions (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT
    person_id,
    'Drug'                AS domain_id,
    'ATC'                 AS vocabulary_id,
    atc                   AS concept_code,
    cip13                 AS source_value,
    32869                 AS type_concept_id,
    date                  AS start_date,
    boxes                 AS quantity,
    CAST(days AS INTEGER) AS days_supply,
    line_id               AS key,
    prescriber_id         AS provider_key,
    'dispensations'       AS source_table,
    line                  AS source_line
FROM dispensations
