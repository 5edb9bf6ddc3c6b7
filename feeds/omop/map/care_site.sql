-- care_site: places of care.
-- Source: care_site.
-- Rule: taken as it is. Numbers become keys that name the deposit, so that those of two deposits never meet; texts
--   are cut to the length that the CDM allows.
-- Reference: OMOP CDM 5.4, CARE_SITE (https://ohdsi.github.io/CommonDataModel/cdm54.html#care_site)
SELECT
    deposit() || ':care_site:' || care_site_id AS key,
    left(care_site_name, 255)                  AS care_site_name,
    place_of_service_concept_id,
    deposit() || ':location:' || location_id   AS location_key,
    left(care_site_source_value, 50)           AS care_site_source_value,
    left(place_of_service_source_value, 50)    AS place_of_service_source_value,
    'care_site'                                AS source_table,
    line                                       AS source_line
FROM care_site
