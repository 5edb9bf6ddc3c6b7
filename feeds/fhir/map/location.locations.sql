SELECT
    id                                             AS key,
    left(line_1, 50)                               AS address_1,
    left(city, 50)                                 AS city,
    CASE WHEN length(state) <= 2 THEN state END    AS state,
    left(replace(postal_code, '-', ''), 9)         AS zip,
    latitude,
    longitude,
    left(name, 50)                                 AS location_source_value,
    'locations'                                AS source_table,
    line                                           AS source_line
FROM locations
