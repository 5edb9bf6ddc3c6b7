-- event.observations: measurements, findings, answers, with their values.
-- Source: codesystems, observed, practitioner_identifiers, single_concept.
-- Rule: of several codings the first that has a standard concept, in the order of lookup/codesystems.csv. A system
--   that is not listed there names itself in the report.
-- Reference: FHIR R4, https://hl7.org/fhir/R4/observation.html; OMOP CDM 5.4, conventions
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT
    r.person_id,
    CASE WHEN r.category IN ('laboratory', 'vital-signs') THEN 'Measurement' ELSE 'Observation' END AS domain_id,
    coalesce(s.vocabulary_id, r.system, 'none') AS vocabulary_id,
    r.code AS concept_code,
    32817 AS type_concept_id, -- EHR
    coalesce(r.effective, r.effective_start, r.effective_instant, r.issued) AS start_datetime,
    coalesce(r.value_number, r.value_integer) AS value_as_number,
    CASE r.value_comparator
        WHEN '<' THEN 4171756
        WHEN '<=' THEN 4171754
        WHEN '>=' THEN 4171755
        WHEN '>' THEN 4172704
    END AS operator_concept_id,
    left(coalesce(r.value_string, CAST(r.value_boolean AS VARCHAR), CAST(r.value_datetime AS VARCHAR)), 50) AS value_as_string,
    coalesce(v.vocabulary_id, r.value_system) AS value_vocabulary_id,
    left(r.value_code, 50) AS value_code,
    left(coalesce(r.unit_code, r.unit), 50) AS unit_code,
    r.range_low,
    r.range_high,
    left(r.interpretation, 50) AS qualifier_source_value,
    r.key,
    r.encounter AS visit_key,
    r.specimen AS specimen_key,
    coalesce(r.practitioner, p.id) AS provider_key,
    r.source_table,
    r.line AS source_line
FROM observed r
LEFT JOIN codesystems s ON s.system = r.system
LEFT JOIN single_concept k ON k.vocabulary_id = s.vocabulary_id AND k.concept_code = r.code
LEFT JOIN codesystems v ON v.system = r.value_system
LEFT JOIN (SELECT identifier, min(id) AS id FROM practitioner_identifiers GROUP BY identifier) p ON p.identifier = r.practitioner_identifier
WHERE coalesce(r.effective, r.effective_start, r.effective_instant, r.issued) IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY r.source_table, r.key ORDER BY k.concept_code IS NOT NULL DESC, CAST(s.preference AS INTEGER) NULLS LAST, r.coding) = 1
