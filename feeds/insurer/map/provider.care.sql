-- provider.care: professionals outside hospitals.
-- Source: care.
-- Rule: professionals outside hospitals, by the hashed register number.
-- Reference: OMOP CDM 5.4, PROVIDER (https://ohdsi.github.io/CommonDataModel/cdm54.html#provider)
SELECT
    professional_id           AS key,
    min_by(specialty, line)   AS specialty_source_value,
    left(professional_id, 50) AS provider_source_value,
    'care'                    AS source_table,
    min(line)                 AS source_line,
    list(line)                AS source_lines
FROM care
WHERE professional_id IS NOT NULL
GROUP BY professional_id
