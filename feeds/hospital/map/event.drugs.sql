-- event.drugs: drugs given in a stay.
-- Source: drugs.
-- Rule: 32818: EHR administration record.
-- Reference: OMOP CDM 5.4, conventions (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT
    person_id,
    'Drug'  AS domain_id,
    'ATC'   AS vocabulary_id,
    atc     AS concept_code,
    32818   AS type_concept_id,
    start_date,
    end_date,
    quantity,
    stay_id AS visit_key,
    'drugs' AS source_table,
    line    AS source_line
FROM drugs
