SELECT
    id                               AS key,
    left(name, 255)                  AS care_site_name,
    CASE type WHEN 'prov' THEN 8717 ELSE 0 END AS place_of_service_concept_id, -- inpatient hospital
    left(type, 50)                   AS place_of_service_source_value,
    id                               AS location_key,
    'organizations'                  AS source_table,
    line                             AS source_line
FROM organizations
