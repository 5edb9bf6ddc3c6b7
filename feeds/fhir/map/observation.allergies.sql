-- observation.allergies: allergies and intolerances.
-- Source: allergies, codesystems, practitioner_identifiers, single_concept.
-- Rule: the substance is the value and not the observation, so that an allergy to a drug is never mistaken for an
--   exposure to it. The observation is SNOMED 419199007, allergy to substance, where the vocabulary has it.
-- Reference: FHIR R4, https://hl7.org/fhir/R4/allergyintolerance.html; OMOP CDM 5.4, OBSERVATION
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#observation)
SELECT
    r.person_id,
    coalesce(allergy.concept_id, 0)                      AS observation_concept_id,
    CAST(coalesce(r.onset, r.recorded) AS DATE)          AS observation_date,
    coalesce(r.onset, r.recorded)                        AS observation_datetime,
    32817                                                AS observation_type_concept_id, -- EHR
    coalesce(substance.concept_id, 0)                    AS value_as_concept_id,
    left(r.code, 50)                                     AS value_source_value,
    'allergy'                                            AS observation_source_value,
    left(coalesce(r.clinical_status, r.criticality), 50) AS qualifier_source_value,
    'SNOMED'                                             AS vocabulary_id,
    '419199007'                                          AS concept_code,
    r.encounter                                          AS visit_key,
    coalesce(r.practitioner, p.id)                       AS provider_key,
    'allergies'                                          AS source_table,
    r.line                                               AS source_line
FROM allergies r
LEFT JOIN codesystems s ON s.system = r.system
LEFT JOIN single_concept substance ON substance.vocabulary_id = s.vocabulary_id AND substance.concept_code = r.code
LEFT JOIN single_concept allergy ON allergy.vocabulary_id = 'SNOMED' AND allergy.concept_code = '419199007'
LEFT JOIN (SELECT identifier, min(id) AS id FROM practitioner_identifiers GROUP BY identifier) p ON p.identifier = r.practitioner_identifier
WHERE coalesce(r.onset, r.recorded) IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY r.id ORDER BY substance.concept_id IS NOT NULL DESC, CAST(s.preference AS INTEGER) NULLS LAST, r.coding) = 1
