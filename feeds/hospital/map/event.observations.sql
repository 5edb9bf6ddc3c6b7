-- event.observations: measured values with their unit, findings and habits as text.
-- Source: observations.
-- Rule: 32817: EHR.
-- Reference: OMOP CDM 5.4, conventions (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT
    person_id,
    CASE WHEN loinc = '72166-2' THEN 'Observation' ELSE 'Measurement' END AS domain_id,
    'LOINC'                                                               AS vocabulary_id,
    loinc                                                                 AS concept_code,
    32817                                                                 AS type_concept_id,
    observed_at                                                           AS start_datetime,
    value                                                                 AS value_as_number,
    unit                                                                  AS unit_code,
    "text"                                                                AS value_as_string,
    stay_id                                                               AS visit_key,
    'observations'                                                        AS source_table,
    line                                                                  AS source_line
FROM observations
