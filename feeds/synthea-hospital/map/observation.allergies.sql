-- observation.allergies: allergies.
-- Source: allergies, single_concept.
-- Rule: the substance is the value and not the observation, so that an allergy to a drug is never mistaken for an
--   exposure to it. The vocabulary at hand has no concept for "allergy to a substance": the observation itself is
--   concept 0.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, OBSERVATION
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#observation)
SELECT
    a.person_id,
    0                                AS observation_concept_id,
    a.start                          AS observation_date,
    CAST(a.start AS TIMESTAMP)       AS observation_datetime,
    32817                            AS observation_type_concept_id, -- EHR
    coalesce(substance.concept_id, 0) AS value_as_concept_id,
    a.code                           AS value_source_value,
    'allergy'                        AS observation_source_value,
    a.severity1                      AS qualifier_source_value,
    'Synthea'                        AS vocabulary_id,
    'allergy'                        AS concept_code,
    a.encounter                      AS visit_key,
    'allergies'                      AS source_table,
    a.line                           AS source_line
FROM allergies a
LEFT JOIN single_concept substance
    ON substance.vocabulary_id = CASE a.system WHEN 'RxNorm' THEN 'RxNorm' ELSE 'SNOMED' END
   AND substance.concept_code = a.code
