-- event.claims_transactions: what was charged for.
-- Source: claims_transactions, source_concepts.
-- Rule: a charge does not name its code system: a code is looked up in SNOMED, then RxNorm;
--   the short ones are vaccines (CVX). A drug is dispensed by a pharmacy: 32869 pharmacy claim; all
--   else: 32810 claim. An end before the start (1970-01-01) means that none was recorded.
-- Reference: Synthea, CSV File Data Dictionary
--   (https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary); OMOP CDM 5.4, conventions
--   (https://ohdsi.github.io/CommonDataModel/cdm54.html)
SELECT
    t.person_id,
    CASE WHEN snomed.concept_code IS NOT NULL THEN 'Procedure'
         WHEN rxnorm.concept_code IS NOT NULL OR length(t.procedurecode) <= 3 THEN 'Drug'
         ELSE 'Procedure' END AS domain_id,
    CASE WHEN snomed.concept_code IS NOT NULL THEN 'SNOMED'
         WHEN rxnorm.concept_code IS NOT NULL THEN 'RxNorm'
         WHEN length(t.procedurecode) <= 3 THEN 'CVX'
         ELSE 'SNOMED' END    AS vocabulary_id,
    t.procedurecode           AS concept_code,
    CASE WHEN snomed.concept_code IS NULL AND rxnorm.concept_code IS NOT NULL THEN 32869 ELSE 32810 END AS type_concept_id,
    t.fromdate                AS start_datetime,
    CASE WHEN t.todate >= t.fromdate THEN t.todate END AS end_datetime,
    t.providerid              AS provider_key,
    t.appointmentid           AS visit_key,
    'charge:' || t.claimid || ':' || t.procedurecode AS key,
    'claims_transactions'     AS source_table,
    t.line                    AS source_line
FROM claims_transactions t
LEFT JOIN source_concepts snomed ON snomed.vocabulary_id = 'SNOMED' AND snomed.concept_code = t.procedurecode
LEFT JOIN source_concepts rxnorm ON rxnorm.vocabulary_id = 'RxNorm' AND rxnorm.concept_code = t.procedurecode
WHERE t.type = 'CHARGE'
