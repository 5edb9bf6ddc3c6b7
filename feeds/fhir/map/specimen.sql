-- specimen: samples taken of patients.
-- Source: codesystems, concepts, single_concept, specimens.
-- Rule: the day when it was taken, else when that began, else when the laboratory received it. Of several codings of its
--   kind the first that has a standard concept of the domain Specimen, in the order of lookup/codesystems.csv; a kind
--   that has none stands with concept 0. The site is the first coding's. What was measured of a specimen is linked to
--   it in fact_relationship (the derived tables).
-- Reference: FHIR R4, https://hl7.org/fhir/R4/specimen.html; OMOP CDM 5.4, SPECIMEN
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#specimen)
WITH kind AS (
    SELECT vocabulary_id, concept_code, min(concept_id) AS concept_id
    FROM concepts
    WHERE domain_id = 'Specimen'
    GROUP BY vocabulary_id, concept_code
)
SELECT
    r.person_id,
    r.id                                                 AS key,
    coalesce(k.concept_id, 0)                            AS specimen_concept_id,
    32856                                                AS specimen_type_concept_id, -- lab
    CAST(coalesce(r.collected, r.collected_start, r.received) AS DATE) AS specimen_date,
    coalesce(r.collected, r.collected_start, r.received) AS specimen_datetime,
    r.quantity,
    unit.concept_id                                      AS unit_concept_id,
    CASE WHEN r.site IS NOT NULL THEN coalesce(site.concept_id, 0) END AS anatomic_site_concept_id,
    left(r.code, 50)                                     AS specimen_source_value,
    left(coalesce(r.unit_code, r.unit), 50)              AS unit_source_value,
    left(r.site, 50)                                     AS anatomic_site_source_value,
    coalesce(s.vocabulary_id, r.system)                  AS vocabulary_id,
    r.code                                               AS concept_code,
    'specimens'                                          AS source_table,
    r.line                                               AS source_line
FROM specimens r
LEFT JOIN codesystems s ON s.system = r.system
LEFT JOIN kind k ON k.vocabulary_id = s.vocabulary_id AND k.concept_code = r.code
LEFT JOIN codesystems place ON place.system = r.site_system
LEFT JOIN single_concept site ON site.vocabulary_id = place.vocabulary_id AND site.concept_code = r.site
LEFT JOIN single_concept unit ON unit.vocabulary_id = 'UCUM' AND unit.concept_code = coalesce(r.unit_code, r.unit)
WHERE coalesce(r.collected, r.collected_start, r.received) IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY r.id ORDER BY k.concept_id IS NOT NULL DESC, CAST(s.preference AS INTEGER) NULLS LAST, r.coding) = 1
