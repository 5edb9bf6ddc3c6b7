-- The exposures that an era was made of. Reads drug_era, drug_exposure, concept, concept_ancestor, concept_relationship.
SELECT 'drug_exposure' AS "table", d.drug_exposure_id AS id
FROM drug_era e
JOIN drug_exposure d
    ON d.person_id = e.person_id
   AND d.drug_exposure_start_date BETWEEN e.drug_era_start_date AND e.drug_era_end_date
JOIN ingredient i ON i.drug_concept_id = d.drug_concept_id AND i.ingredient_concept_id = e.drug_concept_id
WHERE e.drug_era_id = ?
ORDER BY id
