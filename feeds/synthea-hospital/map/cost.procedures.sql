SELECT
    deposit() || ':procedures:' || line AS cost_event_key,
    32817              AS cost_type_concept_id, -- EHR
    44818668           AS currency_concept_id,  -- US dollar
    base_cost          AS total_cost,
    'procedures' AS source_table,
    line               AS source_line
FROM procedures
