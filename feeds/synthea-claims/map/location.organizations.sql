-- location.organizations: where an organisation lies.
-- Source: organizations.
-- Rule: the address as it came, as long as the CDM has room.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, LOCATION
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#location)
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
