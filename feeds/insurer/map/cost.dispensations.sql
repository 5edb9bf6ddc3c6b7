-- cost.dispensations: what a dispensation cost.
-- Source: dispensations.
-- Rule: 32810: claim. Amounts are euros.
-- Reference: OMOP CDM 5.4, COST (https://ohdsi.github.io/CommonDataModel/cdm54.html#cost)
SELECT
    line_id             AS cost_event_key,
    32810               AS cost_type_concept_id,
    billed              AS total_charge,
    reimbursed          AS paid_by_payer,
    billed - reimbursed AS paid_by_patient,
    billed              AS total_paid,
    'dispensations'     AS source_table,
    line                AS source_line
FROM dispensations
