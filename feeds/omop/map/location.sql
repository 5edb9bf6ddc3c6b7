-- Places as near as the source tells them, but for the address.
SELECT
    deposit() || ':location:' || location_id AS key,
    left(city, 50)                           AS city,
    left(state, 2)                           AS state,
    left(zip, 9)                             AS zip,
    left(county, 20)                         AS county,
    country_concept_id,
    left(country_source_value, 80)           AS country_source_value,
    'location'                               AS source_table,
    line                                     AS source_line
FROM location
