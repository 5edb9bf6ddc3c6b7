-- What was paid: of the prescription that the claim names, else of the visit.
SELECT
    coalesce(e.prescription, c.prescription, c.procedure, e.encounter, c.encounter) AS cost_event_key,
    CASE
        WHEN coalesce(e.prescription, c.prescription) IS NOT NULL THEN 'drug_exposure'
        WHEN c.procedure IS NOT NULL THEN 'procedure_occurrence'
        ELSE 'visit_occurrence'
    END                                                    AS cost_event_table,
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
WHERE coalesce(e.prescription, c.prescription, c.procedure, e.encounter, c.encounter) IS NOT NULL
