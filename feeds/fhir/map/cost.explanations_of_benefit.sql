-- cost.explanations_of_benefit: what was paid.
-- Source: claims, explanations_of_benefit.
-- Rule: what was paid: of the prescription that the claim names, else of the whole visit, else of a procedure.
-- Reference: FHIR R4, https://hl7.org/fhir/R4/explanationofbenefit.html; OMOP CDM 5.4, COST
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#cost)
SELECT
    coalesce(e.prescription, c.prescription, e.encounter, c.encounter, c.procedure) AS cost_event_key,
    32810                                                  AS cost_type_concept_id, -- claim
    CASE coalesce(e.currency, c.currency) WHEN 'USD' THEN 44818668 WHEN 'EUR' THEN 44818568 ELSE 0 END AS currency_concept_id,
    coalesce(e.submitted, c.total)                         AS total_charge,
    coalesce(e.paid, e.benefit)                            AS total_paid,
    coalesce(e.paid, e.benefit)                            AS paid_by_payer,
    e.copay                                                AS paid_patient_copay,
    'explanations_of_benefit'                              AS source_table,
    e.line                                                 AS source_line
FROM explanations_of_benefit e
LEFT JOIN claims c ON c.id = e.claim
WHERE coalesce(e.prescription, c.prescription, e.encounter, c.encounter, c.procedure) IS NOT NULL
