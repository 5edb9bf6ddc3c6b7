-- cost.claims_transactions: one cost for each thing charged in a claim.
-- Source: claims_transactions.
-- Rule: one cost for each thing charged in a claim: the charge, and what was paid of it by whom. The insurer pays
--   by electronic check; the patient by copayment, cash, card or check. Transfers move a debt from one to the other
--   and carry no money. Sums are of decimals, so that they are exact.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, COST
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#cost)
SELECT
    'charge:' || claimid || ':' || procedurecode AS cost_event_key,
    32810    AS cost_type_concept_id, -- claim
    44818668 AS currency_concept_id,  -- US dollar
    sum(CAST(amount AS DECIMAL(18, 2))) FILTER (type = 'CHARGE')                         AS total_charge,
    sum(CAST(payments AS DECIMAL(18, 2))) FILTER (type = 'PAYMENT')                      AS total_paid,
    sum(CAST(payments AS DECIMAL(18, 2))) FILTER (type = 'PAYMENT' AND method = 'ECHECK') AS paid_by_payer,
    sum(CAST(payments AS DECIMAL(18, 2))) FILTER (type = 'PAYMENT' AND method <> 'ECHECK') AS paid_by_patient,
    sum(CAST(payments AS DECIMAL(18, 2))) FILTER (type = 'PAYMENT' AND method = 'COPAY')  AS paid_patient_copay,
    'claims_transactions'    AS source_table,
    min(line)                AS source_line,
    list(line ORDER BY line) AS source_lines
FROM claims_transactions
GROUP BY claimid, procedurecode
