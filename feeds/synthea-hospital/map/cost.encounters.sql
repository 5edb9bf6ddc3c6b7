-- cost.encounters: what the hospital charged for the whole encounter, everything in it included.
-- Source: encounters.
-- Rule: borne by the visit. 32817: EHR. Amounts are US dollars.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, COST
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html#cost)
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
