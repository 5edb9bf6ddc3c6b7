-- provider.dispensations: prescribers that no line of care shows.
-- Source: dispensations.
-- Rule: a prescriber whom no line of care names; by the hashed register number.
-- Reference: OMOP CDM 5.4, PROVIDER (https://ohdsi.github.io/CommonDataModel/cdm54.html#provider)
SELECT
    prescriber_id           AS key,
    left(prescriber_id, 50) AS provider_source_value,
    'dispensations'         AS source_table,
    min(line)               AS source_line,
    list(line)              AS source_lines
FROM dispensations
WHERE prescriber_id IS NOT NULL
GROUP BY prescriber_id
