-- payer_plan_period: periods under a payer's plan.
-- Source: payer_plan_period.
-- Rule: taken as it is. Numbers become keys that name the deposit, so that those of two deposits never meet; texts
--   are cut to the length that the CDM allows.
-- Reference: OMOP CDM 5.4, PAYER_PLAN_PERIOD (https://ohdsi.github.io/CommonDataModel/cdm54.html#payer_plan_period)
SELECT
    deposit() || ':payer_plan_period:' || payer_plan_period_id AS key,
    person_id,
    payer_plan_period_start_date,
    payer_plan_period_end_date,
    payer_concept_id,
    left(payer_source_value, 50)                               AS payer_source_value,
    payer_source_concept_id,
    plan_concept_id,
    left(plan_source_value, 50)                                AS plan_source_value,
    plan_source_concept_id,
    sponsor_concept_id,
    left(sponsor_source_value, 50)                             AS sponsor_source_value,
    sponsor_source_concept_id,
    stop_reason_concept_id,
    left(stop_reason_source_value, 50)                         AS stop_reason_source_value,
    stop_reason_source_concept_id,
    'payer_plan_period'                                        AS source_table,
    line                                                       AS source_line
FROM payer_plan_period
