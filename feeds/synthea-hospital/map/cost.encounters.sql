-- What the hospital charged for the whole encounter, everything in it included.
SELECT
    id                                  AS cost_event_key,
    'visit_occurrence'                  AS cost_event_table,
    32817                               AS cost_type_concept_id, -- EHR
    44818668                            AS currency_concept_id,  -- US dollar
    base_encounter_cost                 AS total_cost,
    total_claim_cost                    AS total_charge,
    payer_coverage                      AS paid_by_payer,
    'encounters'                        AS source_table,
    line                                AS source_line
FROM encounters
