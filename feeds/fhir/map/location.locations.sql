-- location.locations: where a place of care lies.
-- Source: locations.
-- Rule: the address as it came, as long as the CDM has room; no street of a person.
-- Reference: FHIR R4, https://hl7.org/fhir/R4/location.html; OMOP CDM 5.4, LOCATION
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#location)
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
