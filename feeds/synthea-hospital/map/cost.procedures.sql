-- cost.procedures: what a procedure cost.
-- Source: procedures.
-- Rule: the base cost, borne by the procedure's event. 32817: EHR. Amounts are US dollars.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, COST
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#cost)
SELECT
    deposit() || ':procedures:' || line AS cost_event_key,
    32817              AS cost_type_concept_id, -- EHR
    44818668           AS currency_concept_id,  -- US dollar
    base_cost          AS total_cost,
    'procedures' AS source_table,
    line               AS source_line
FROM procedures
