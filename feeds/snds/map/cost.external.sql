-- cost.external: what an external visit cost, from its bills: fees (HON) and hospital services (PH).
-- Source: mco_fastc.
-- Rule: one cost a visit, of all its bills. 32810: claim. Amounts are euros, summed as decimals.
-- Reference: schema-snds, T_MCOaaFASTC.
SELECT
    stay_key           AS cost_event_key,
    'visit_occurrence' AS cost_event_table,
    32810              AS cost_type_concept_id,
    44818568           AS currency_concept_id,
    sum(CAST(coalesce(hon_mnt, 0) + coalesce(ph_mnt, 0) AS DECIMAL(18, 2)))           AS total_charge,
    sum(CAST(coalesce(hon_am_mnr, 0) + coalesce(ph_amo_mnr, 0) AS DECIMAL(18, 2)))    AS paid_by_payer,
    'mco_fastc'        AS source_table,
    min(line)          AS source_line,
    list(line ORDER BY line) AS source_lines
FROM mco_fastc
GROUP BY stay_key
