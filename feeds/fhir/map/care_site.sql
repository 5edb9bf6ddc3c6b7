-- care_site: organisations as places of care.
-- Source: organizations.
-- Rule: the type of the organisation says what kind of place it is (8940 office, 4318944 hospital …); an
--   organisation is its own location.
-- Reference: FHIR R4, https://hl7.org/fhir/R4/organization.html; OMOP CDM 5.4, CARE_SITE
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#care_site)
SELECT
    id                               AS key,
    left(name, 255)                  AS care_site_name,
    CASE type -- https://terminology.hl7.org/CodeSystem-organization-type.html
        WHEN 'prov' THEN 8940    -- Office
        WHEN 'dept' THEN 4318944 -- Hospital
        WHEN 'edu' THEN 4030303  -- Hospital AND/OR institution
        WHEN 'govt' THEN 4195901 -- Government hospital
        WHEN 'team' THEN 4217012 -- Health maintenance organization
        ELSE 0
    END                              AS place_of_service_concept_id,
    left(type, 50)                   AS place_of_service_source_value,
    id                               AS location_key,
    'organizations'                  AS source_table,
    line                             AS source_line
FROM organizations
