-- payer_plan_period: periods of coverage.
-- Source: coverages.
-- Rule: a period that has no end yet, or no start, has no row in the CDM.
-- Reference: FHIR R4, https://hl7.org/fhir/R4/coverage.html; OMOP CDM 5.4, PAYER_PLAN_PERIOD
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#payer_plan_period)
SELECT
    person_id,
    CAST(start AS DATE) AS payer_plan_period_start_date,
    CAST("end" AS DATE) AS payer_plan_period_end_date,
    0                   AS payer_concept_id,
    left(payor, 50)     AS payer_source_value,
    0                   AS plan_concept_id,
    left(type, 50)      AS plan_source_value,
    'coverages'         AS source_table,
    line                AS source_line
FROM coverages
WHERE start IS NOT NULL AND "end" IS NOT NULL
