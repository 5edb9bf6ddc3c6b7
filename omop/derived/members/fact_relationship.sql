-- The rows that a link joins: a prescription and its dispensation, a specimen and what was measured of it. Reads fact_relationship.
WITH link AS (
    FROM fact_relationship WHERE fact_id_1 = ? AND domain_concept_id_1 IN (1147306, 1147330, 1147339)
),
joined AS (
    SELECT domain_concept_id_1 AS domain, fact_id_1 AS id FROM link
    UNION
    SELECT domain_concept_id_2, fact_id_2 FROM link
)
SELECT CASE domain WHEN 1147306 THEN 'specimen' WHEN 1147330 THEN 'measurement' ELSE 'drug_exposure' END AS "table", id
FROM joined
ORDER BY ALL
