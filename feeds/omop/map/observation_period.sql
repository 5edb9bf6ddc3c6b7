-- A period that ends before it begins is none.
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
