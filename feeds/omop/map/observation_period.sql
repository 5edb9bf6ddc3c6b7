-- observation_period: periods of observation.
-- Source: observation_period.
-- Rule: a period that ends before it begins is none. Numbers become keys that name the deposit, so that those of
--   two deposits never meet; texts are cut to the length that the CDM allows.
-- Reference: OMOP CDM 5.4, OBSERVATION_PERIOD
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#observation_period)
SELECT
    deposit() || ':observation_period:' || observation_period_id AS key,
    person_id,
    observation_period_start_date,
    observation_period_end_date,
    period_type_concept_id,
    'observation_period'                                         AS source_table,
    line                                                         AS source_line
FROM observation_period
WHERE observation_period_end_date >= observation_period_start_date
