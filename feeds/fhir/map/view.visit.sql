-- view.visit: encounters as visits, and as parts of visits, are told of.
-- Source: codesystems, organization_identifiers, practitioner_identifiers, source_concepts, stay.
-- Rule: as view.stay says. The class is HL7's ActEncounterCode
--   (https://terminology.hl7.org/ValueSet-v3-ActEncounterCode.html). Without an end, it ends as it starts. Practitioner
--   and organization are those that it refers to, or else those with the identifier that it names.
-- Reference: FHIR R4, https://hl7.org/fhir/R4/encounter.html
SELECT
    e.id AS key,
    e.person_id,
    e.visit AS visit_key,
    e.parent AS parent_key,
    CASE e.class
        WHEN 'IMP' THEN 9201
        WHEN 'ACUTE' THEN 9201
        WHEN 'NONAC' THEN 9201
        WHEN 'EMER' THEN 9203
        WHEN 'AMB' THEN 9202
        WHEN 'SS' THEN 9202
        WHEN 'OBSENC' THEN 581385
        WHEN 'HH' THEN 581476
        WHEN 'VR' THEN 5083
        ELSE 0
    END AS concept_id,
    CAST(e.start AS DATE)              AS start_date,
    e.start                            AS start_datetime,
    CAST(coalesce(e."end", e.start) AS DATE) AS end_date,
    coalesce(e."end", e.start)         AS end_datetime,
    32817                              AS type_concept_id, -- EHR
    coalesce(e.practitioner, p.id)     AS provider_key,
    coalesce(e.organization, o.id)     AS care_site_key,
    left(e.class, 50)                  AS source_value,
    coalesce(known.source_concept_id, 0) AS source_concept_id,
    left(e.admit_source, 50)           AS admitted_from_source_value,
    left(e.discharge_disposition, 50)  AS discharged_to_source_value,
    coalesce(s.vocabulary_id, e.type_system) AS vocabulary_id,
    e.type                             AS concept_code,
    'encounters'                       AS source_table,
    e.line                             AS source_line
FROM stay e
LEFT JOIN codesystems s ON s.system = e.type_system
LEFT JOIN source_concepts known ON known.vocabulary_id = s.vocabulary_id AND known.concept_code = e.type
LEFT JOIN (SELECT identifier, min(id) AS id FROM practitioner_identifiers GROUP BY identifier) p ON p.identifier = e.practitioner_identifier
LEFT JOIN (SELECT identifier, min(id) AS id FROM organization_identifiers GROUP BY identifier) o ON o.identifier = e.organization_identifier
