-- event.medication_dispenses: drugs dispensed.
-- Source: codesystems, medication_dispenses, medications, practitioner_identifiers, single_concept.
-- Rule: of several codings the first that has a standard concept, in the order of lookup/codesystems.csv. A system
--   that is not listed there names itself in the report. The prescription is the first that it names
--   (authorizingPrescription).
-- Reference: FHIR R4, https://hl7.org/fhir/R4/medicationdispense.html; OMOP CDM 5.4, conventions
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT
    r.person_id,
    'Drug' AS domain_id,
    coalesce(s.vocabulary_id, r.system, 'none') AS vocabulary_id,
    r.code AS concept_code,
    32825 AS type_concept_id, -- EHR dispensing record
    coalesce(r.handed_over, r.prepared) AS start_datetime,
    CAST(NULL AS TIMESTAMP) AS end_datetime,
    r.quantity,
    CAST(r.days_supply AS INTEGER) AS days_supply,
    r.id AS key,
    r.prescription AS prescription_key,
    r.encounter AS visit_key,
    coalesce(r.practitioner, p.id) AS provider_key,
    'medication_dispenses' AS source_table,
    r.line AS source_line
FROM (
    -- the coding is the resource's own, or that of the Medication it refers to
    SELECT * FROM medication_dispenses WHERE code IS NOT NULL OR medication IS NULL
    UNION ALL BY NAME
    SELECT o.* REPLACE (m.coding AS coding, m.system AS system, m.code AS code)
    FROM medication_dispenses o LEFT JOIN medications m ON m.id = o.medication
    WHERE o.code IS NULL AND o.medication IS NOT NULL
) r
LEFT JOIN codesystems s ON s.system = r.system
LEFT JOIN single_concept k ON k.vocabulary_id = s.vocabulary_id AND k.concept_code = r.code
LEFT JOIN (SELECT identifier, min(id) AS id FROM practitioner_identifiers GROUP BY identifier) p ON p.identifier = r.practitioner_identifier
WHERE coalesce(r.handed_over, r.prepared) IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY r.id ORDER BY k.concept_code IS NOT NULL DESC, CAST(s.preference AS INTEGER) NULLS LAST, r.coding) = 1
