-- cost: costs.
-- Source: cost.
-- Rule: what was paid is found by its table and number. Numbers become keys that name the deposit, so that those of
--   two deposits never meet; texts are cut to the length that the CDM allows.
-- Reference: OMOP CDM 5.4, COST (https://ohdsi.github.io/CommonDataModel/cdm54.html#cost)
SELECT
    deposit() || ':' || event_table || ':' || cost_event_id AS cost_event_key,
    event_table                                             AS cost_event_table,
    left(cost_domain_id, 20)                                AS cost_domain_id,
    cost_type_concept_id,
    currency_concept_id,
    total_charge,
    total_cost,
    total_paid,
    paid_by_payer,
    paid_by_patient,
    paid_patient_copay,
    paid_patient_coinsurance,
    paid_patient_deductible,
    paid_by_primary,
    paid_ingredient_cost,
    paid_dispensing_fee,
    amount_allowed,
    revenue_code_concept_id,
    left(revenue_code_source_value, 50)                     AS revenue_code_source_value,
    drg_concept_id,
    left(drg_source_value, 3)                               AS drg_source_value,
    'cost'                                                  AS source_table,
    line                                                    AS source_line
FROM (
    SELECT
        *,
        CASE cost_domain_id
            WHEN 'Condition' THEN 'condition_occurrence'
            WHEN 'Device' THEN 'device_exposure'
            WHEN 'Drug' THEN 'drug_exposure'
            WHEN 'Measurement' THEN 'measurement'
            WHEN 'Observation' THEN 'observation'
            WHEN 'Procedure' THEN 'procedure_occurrence'
            WHEN 'Visit' THEN 'visit_occurrence'
        END AS event_table
    FROM cost
)
