-- The part of the vocabulary that the tables use: their concepts, what stands
-- above those, what drugs are made of, and what leads from one of them to another.
INSERT INTO cdm.concept BY NAME
WITH wanted AS (
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
SELECT c.*
FROM vocabulary.concept c
SEMI JOIN wanted USING (concept_id)
ORDER BY concept_id;

INSERT INTO cdm.concept_relationship BY NAME
SELECT DISTINCT r.*
FROM vocabulary.known_relationship r
SEMI JOIN cdm.concept a ON a.concept_id = r.concept_id_1
SEMI JOIN cdm.concept b ON b.concept_id = r.concept_id_2
ORDER BY ALL;

INSERT INTO cdm.concept_ancestor BY NAME
SELECT DISTINCT a.*
FROM vocabulary.known_ancestor a
SEMI JOIN cdm.concept above ON above.concept_id = a.ancestor_concept_id
SEMI JOIN cdm.concept below ON below.concept_id = a.descendant_concept_id
ORDER BY ALL;

INSERT INTO cdm.drug_strength BY NAME
SELECT DISTINCT d.*
FROM vocabulary.known_strength d
SEMI JOIN cdm.concept drug ON drug.concept_id = d.drug_concept_id
SEMI JOIN cdm.concept ingredient ON ingredient.concept_id = d.ingredient_concept_id
ORDER BY ALL;

INSERT INTO cdm.vocabulary BY NAME
SELECT v.* EXCLUDE (position)
FROM (
    SELECT *, row_number() OVER (PARTITION BY vocabulary_id ORDER BY rowid) AS position
    FROM vocabulary.known_vocabulary
) v
SEMI JOIN cdm.concept c ON c.vocabulary_id = v.vocabulary_id
WHERE v.position = 1
ORDER BY vocabulary_id;
