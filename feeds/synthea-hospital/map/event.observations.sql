-- event.observations: measurements, findings and answers.
-- Source: observations.
-- Rule: QALY, DALY and QOLS are scores of the simulator's own: no LOINC code.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, conventions
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT
    person_id,
    CASE type WHEN 'numeric' THEN 'Measurement' ELSE 'Observation' END     AS domain_id,
    CASE WHEN code IN ('QALY', 'DALY', 'QOLS') THEN 'Synthea' ELSE 'LOINC' END AS vocabulary_id,
    code                                                                   AS concept_code,
    32817                                                                  AS type_concept_id, -- EHR
    date                                                                   AS start_datetime,
    CASE type WHEN 'numeric' THEN try_cast(value AS DOUBLE) END            AS value_as_number,
    CASE type WHEN 'text' THEN left(value, 50) END                         AS value_as_string,
    units                                                                  AS unit_code,
    encounter                                                              AS visit_key,
    'observations'                                                         AS source_table,
    line                                                                   AS source_line
FROM observations
