-- payer_plan_period: periods of coverage.
-- Source: coverage.
-- Rule: one period a line of coverage; the scheme is the plan.
-- Reference: OMOP CDM 5.4, PAYER_PLAN_PERIOD (https://ohdsi.github.io/CommonDataModel/cdm54.html#payer_plan_period)
SELECT
    person_id,
    start_date         AS payer_plan_period_start_date,
    end_date           AS payer_plan_period_end_date,
    'health insurance' AS payer_source_value,
    scheme             AS plan_source_value,
    'coverage'         AS source_table,
    line               AS source_line
FROM coverage
