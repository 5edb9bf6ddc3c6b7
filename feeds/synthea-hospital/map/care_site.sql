-- care_site: organisations.
-- Source: organizations.
-- Rule: one place of care an organisation, which is its own location.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, CARE_SITE
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#care_site)
SELECT
    id              AS key,
    left(name, 255) AS care_site_name,
    id              AS location_key,
    'organizations' AS source_table,
    line            AS source_line
FROM organizations
