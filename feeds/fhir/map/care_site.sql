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
