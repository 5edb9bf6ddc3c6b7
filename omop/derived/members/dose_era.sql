-- The exposures that an era was made of. Reads dose_era, drug_exposure, drug_strength.
SELECT 'drug_exposure' AS "table", d.drug_exposure_id AS id
FROM dose_era e
JOIN dose d
    ON d.person_id = e.person_id
   AND d.ingredient_concept_id = e.drug_concept_id
   AND d.unit_concept_id = e.unit_concept_id
   AND d.dose = e.dose_value
   AND d.first_day BETWEEN e.dose_era_start_date AND e.dose_era_end_date
WHERE e.dose_era_id = ?
ORDER BY id
