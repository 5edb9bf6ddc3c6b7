-- cost.care: what a line of care cost.
-- Source: care.
-- Rule: what a line of care cost: borne by the act where it is a technical one, else by the visit. 32810: claim.
--   Amounts are euros.
-- Reference: OMOP CDM 5.4, COST (https://ohdsi.github.io/CommonDataModel/cdm54.html#cost)
SELECT
    CASE WHEN length(act) = 7 THEN line_id
         ELSE person_id || '/' || date || '/' || coalesce(professional_id, '') END AS cost_event_key,
    32810                                                                          AS cost_type_concept_id,
    billed                                                                         AS total_charge,
    reimbursed                                                                     AS paid_by_payer,
    billed - reimbursed                                                            AS paid_by_patient,
    billed                                                                         AS total_paid,
    'care'                                                                         AS source_table,
    line                                                                           AS source_line
FROM care
