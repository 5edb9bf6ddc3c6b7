-- location: places.
-- Source: location.
-- Rule: places as near as the source tells them, but for the address. Numbers become keys that name the deposit, so
--   that those of two deposits never meet; texts are cut to the length that the CDM allows.
-- Reference: OMOP CDM 5.4, LOCATION (https://ohdsi.github.io/CommonDataModel/cdm54.html#location)
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
