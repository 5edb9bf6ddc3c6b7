-- payer_plan_period: periods of insurance.
-- Source: payer_transitions, payers.
-- Rule: the payer NO_INSURANCE stands for time without insurance: no plan.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, PAYER_PLAN_PERIOD
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#payer_plan_period)
SELECT
    t.person_id,
    CAST(t.start_year AS DATE) AS payer_plan_period_start_date,
    CAST(t.end_year AS DATE)   AS payer_plan_period_end_date,
    0                          AS payer_concept_id,
    left(p.name, 50)           AS payer_source_value,
    t.ownership                AS sponsor_source_value,
    'payer_transitions'        AS source_table,
    t.line                     AS source_line
FROM payer_transitions t
JOIN payers p ON p.id = t.payer
WHERE p.name <> 'NO_INSURANCE'
