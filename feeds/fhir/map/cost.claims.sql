-- What was charged, where no explanation of benefit says what was paid of it.
SELECT
    coalesce(c.prescription, c.procedure, c.encounter) AS cost_event_key,
    CASE
        WHEN c.prescription IS NOT NULL THEN 'drug_exposure'
        WHEN c.procedure IS NOT NULL THEN 'procedure_occurrence'
        ELSE 'visit_occurrence'
    END                                                AS cost_event_table,
    32810                                              AS cost_type_concept_id, -- claim
    CASE c.currency WHEN 'USD' THEN 44818668 WHEN 'EUR' THEN 44818568 ELSE 0 END AS currency_concept_id,
    c.total                                            AS total_charge,
    'claims'                                           AS source_table,
    c.line                                             AS source_line
FROM claims c
ANTI JOIN explanations_of_benefit e ON e.claim = c.id
WHERE coalesce(c.prescription, c.procedure, c.encounter) IS NOT NULL
