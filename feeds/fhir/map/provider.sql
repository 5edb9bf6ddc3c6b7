-- provider: practitioners.
-- Source: codesystems, organization_identifiers, practitioner_identifiers, practitioner_roles, practitioners,
--   single_concept.
-- Rule: what a practitioner is, and where, is said by the practitioner's first role.
-- Reference: FHIR R4, https://hl7.org/fhir/R4/practitioner.html; OMOP CDM 5.4, PROVIDER
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#provider)
WITH role AS (
    SELECT
        coalesce(r.practitioner, p.id) AS practitioner,
        coalesce(r.organization, o.id) AS organization,
        r.specialty_system,
        r.specialty,
        r.line
    FROM practitioner_roles r
    LEFT JOIN (SELECT identifier, min(id) AS id FROM practitioner_identifiers GROUP BY identifier) p ON p.identifier = r.practitioner_identifier
    LEFT JOIN (SELECT identifier, min(id) AS id FROM organization_identifiers GROUP BY identifier) o ON o.identifier = r.organization_identifier
)
SELECT
    d.id                                                             AS key,
    role.organization                                                AS care_site_key,
    CASE d.gender WHEN 'male' THEN 8507 WHEN 'female' THEN 8532 ELSE 0 END AS gender_concept_id,
    d.gender                                                         AS gender_source_value,
    coalesce(specialty.concept_id, 0)                                AS specialty_concept_id,
    left(coalesce(role.specialty, d.qualification), 50)              AS specialty_source_value,
    'practitioners'                                                  AS source_table,
    d.line                                                           AS source_line
FROM practitioners d
LEFT JOIN role ON role.practitioner = d.id
LEFT JOIN codesystems s ON s.system = role.specialty_system
LEFT JOIN single_concept specialty ON specialty.vocabulary_id = s.vocabulary_id AND specialty.concept_code = role.specialty
QUALIFY row_number() OVER (PARTITION BY d.id ORDER BY role.specialty IS NULL, role.line) = 1
