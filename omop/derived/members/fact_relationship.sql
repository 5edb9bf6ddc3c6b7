-- The exposures that a link of a prescription to its dispensation joins. Reads fact_relationship.
SELECT DISTINCT 'drug_exposure' AS "table", unnest([f.fact_id_1, f.fact_id_2]) AS id
FROM fact_relationship f
WHERE f.domain_concept_id_1 = 1147339 AND f.fact_id_1 = ?
ORDER BY id
