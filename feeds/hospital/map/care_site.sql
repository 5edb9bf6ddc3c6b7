-- care_site: wards.
-- Source: stays.
-- Rule: one care site a ward.
-- Reference: OMOP CDM 5.4, CARE_SITE (https://ohdsi.github.io/CommonDataModel/cdm54.html#care_site)
SELECT
    finess || '/' || ward               AS key,
    any_value(hospital) || ', ' || ward AS care_site_name,
    left(finess || '/' || ward, 50)     AS care_site_source_value,
    ward                                AS place_of_service_source_value,
    'stays'                             AS source_table,
    min(line)                           AS source_line,
    list(line)                          AS source_lines
FROM stays
GROUP BY finess, ward
