-- death: deaths.
-- Source: death.
-- Rule: taken as it is. Numbers become keys that name the deposit, so that those of two deposits never meet; texts
--   are cut to the length that the CDM allows.
-- Reference: OMOP CDM 5.4, DEATH (https://ohdsi.github.io/CommonDataModel/cdm54.html#death)
SELECT
    person_id,
    death_date,
    death_datetime,
    death_type_concept_id,
    cause_concept_id,
    left(cause_source_value, 50) AS cause_source_value,
    cause_source_concept_id,
    'death'                      AS source_table,
    line                         AS source_line
FROM death
