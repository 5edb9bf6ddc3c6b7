-- event.procedures: procedures done in a stay.
-- Source: procedures.
-- Rule: 32817: EHR.
-- Reference: OMOP CDM 5.4, conventions (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT
    person_id,
    'Procedure'     AS domain_id,
    'CCAM'          AS vocabulary_id,
    code            AS concept_code,
    32817           AS type_concept_id,
    performed_at    AS start_datetime,
    stay_id         AS visit_key,
    practitioner_id AS provider_key,
    'procedures'    AS source_table,
    line            AS source_line
FROM procedures
