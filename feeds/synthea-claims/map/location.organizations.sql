SELECT
    id                              AS key,
    left(address, 50)               AS address_1,
    left(city, 50)                  AS city,
    left(state, 2)                  AS state,
    left(replace(zip, '-', ''), 9)  AS zip,
    lat                             AS latitude,
    lon                             AS longitude,
    'organizations'                 AS source_table,
    line                            AS source_line
FROM organizations
