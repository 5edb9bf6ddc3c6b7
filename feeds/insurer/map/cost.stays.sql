-- cost.stays: what a stay cost.
-- Source: stays.
-- Rule: the visit is the event, whichever party reported it. 32810: claim. Amounts are euros.
-- Reference: OMOP CDM 5.4, COST (https://ohdsi.github.io/CommonDataModel/cdm54.html#cost)
SELECT
    stay_id             AS cost_event_key,
    'visit_occurrence'  AS cost_event_table,
    32810               AS cost_type_concept_id,
    billed              AS total_charge,
    reimbursed          AS paid_by_payer,
    billed - reimbursed AS paid_by_patient,
    billed              AS total_paid,
    'stays'             AS source_table,
    line                AS source_line
FROM stays
