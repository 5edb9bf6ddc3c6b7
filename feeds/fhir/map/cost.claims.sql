-- cost.claims: what was charged, where no explanation of benefit says what was paid of it.
-- Source: claims, explanations_of_benefit.
-- Rule: the cost is borne by the prescription that the claim names, else by the visit, else by a procedure.
-- Reference: FHIR R4, https://hl7.org/fhir/R4/claim.html; OMOP CDM 5.4, COST
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#cost)
SELECT
    coalesce(c.prescription, c.encounter, c.procedure) AS cost_event_key,
    32810                                              AS cost_type_concept_id, -- claim
    CASE c.currency WHEN 'USD' THEN 44818668 WHEN 'EUR' THEN 44818568 ELSE 0 END AS currency_concept_id,
    c.total                                            AS total_charge,
    'claims'                                           AS source_table,
    c.line                                             AS source_line
FROM claims c
ANTI JOIN explanations_of_benefit e ON e.claim = c.id
WHERE coalesce(c.prescription, c.encounter, c.procedure) IS NOT NULL
