-- The same drug, prescribed or given (32838, 32818) and dispensed (32825, 32869), as
-- different deposits tell: of one person and concept, dispensed from the day of the
-- prescription to 30 days after. The nearest dispensation of each prescription.
CREATE OR REPLACE TABLE stage.dispensed AS
WITH prescribed AS (
    SELECT drug_exposure_id, person_id, drug_concept_id, drug_exposure_start_date AS day, deposit
    FROM cdm.drug_exposure
    WHERE drug_type_concept_id IN (32838, 32818) AND drug_concept_id <> 0
),
dispensed AS (
    SELECT drug_exposure_id, person_id, drug_concept_id, drug_exposure_start_date AS day, deposit
    FROM cdm.drug_exposure
    WHERE drug_type_concept_id IN (32825, 32869) AND drug_concept_id <> 0
)
SELECT p.drug_exposure_id AS prescribed, arg_min(d.drug_exposure_id, (d.day, d.drug_exposure_id)) AS dispensed
FROM prescribed p
JOIN dispensed d
    ON d.person_id = p.person_id AND d.drug_concept_id = p.drug_concept_id
   AND d.day BETWEEN p.day AND p.day + 30 AND d.deposit <> p.deposit
GROUP BY p.drug_exposure_id;
