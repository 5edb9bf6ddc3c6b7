SELECT
    id                                             AS key,
    left(line_1, 50)                               AS address_1,
    left(city, 50)                                 AS city,
    CASE WHEN length(state) <= 2 THEN state END    AS state,
    left(replace(postal_code, '-', ''), 9)         AS zip,
    latitude,
    longitude,
    CASE country WHEN 'US' THEN 4330442 ELSE 0 END AS country_concept_id,
    left(country, 80)                              AS country_source_value,
    left(state, 50)                                AS location_source_value,
    'locations'                                AS source_table,
    line                                           AS source_line
FROM locations
