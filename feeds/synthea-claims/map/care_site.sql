SELECT
    id              AS key,
    left(name, 255) AS care_site_name,
    id              AS location_key,
    'organizations' AS source_table,
    line            AS source_line
FROM organizations
