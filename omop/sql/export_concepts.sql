-- The part of the vocabulary that the tables use: their concepts, what stands above
-- those, what drugs are made of, and what leads from one of them to another.
CREATE TEMP TABLE described AS
SELECT v.* EXCLUDE (position)
FROM (
    SELECT *, row_number() OVER (PARTITION BY vocabulary_id ORDER BY rowid) AS position
    FROM vocabulary.known_vocabulary
) v
WHERE v.position = 1;

-- A concept brings those that stand for its vocabulary, domain and class, where
-- something says which they are.
INSERT INTO cdm.concept BY NAME
WITH RECURSIVE wanted AS (
    (
        SELECT concept_id FROM stage.used_concept
        UNION
        SELECT a.ancestor_concept_id
        FROM vocabulary.known_ancestor a
        JOIN stage.used_concept u ON u.concept_id = a.descendant_concept_id
        UNION
        SELECT unnest([d.ingredient_concept_id, d.amount_unit_concept_id, d.numerator_unit_concept_id, d.denominator_unit_concept_id])
        FROM vocabulary.known_strength d
        JOIN stage.used_concept u ON u.concept_id = d.drug_concept_id
    )
    UNION
    SELECT unnest([v.vocabulary_concept_id, d.domain_concept_id, k.concept_class_concept_id])
    FROM wanted
    JOIN vocabulary.concept c USING (concept_id)
    LEFT JOIN described v ON v.vocabulary_id = c.vocabulary_id
    LEFT JOIN vocabulary.known_domain d ON d.domain_id = c.domain_id
    LEFT JOIN vocabulary.known_class k ON k.concept_class_id = c.concept_class_id
)
SELECT c.*
FROM vocabulary.concept c
SEMI JOIN wanted USING (concept_id)
ORDER BY concept_id;
