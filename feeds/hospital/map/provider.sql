-- provider: practitioners in charge of stays.
-- Source: stays.
-- Rule: the practitioner in charge of a stay, by the hashed register number.
-- Reference: OMOP CDM 5.4, PROVIDER (https://ohdsi.github.io/CommonDataModel/cdm54.html#provider)
SELECT
    practitioner_id                     AS key,
    min_by(specialty, line)             AS specialty_source_value,
    left(practitioner_id, 50)           AS provider_source_value,
    min_by(finess || '/' || ward, line) AS care_site_key,
    'stays'                             AS source_table,
    min(line)                           AS source_line,
    list(line)                          AS source_lines
FROM stays
WHERE practitioner_id IS NOT NULL
GROUP BY practitioner_id
