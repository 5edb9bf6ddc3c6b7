-- view.ingredient: the ingredients of each drug that was taken.
-- Source: concept, concept_ancestor, concept_relationship, drug_exposure.
-- Rule: an ingredient is a standard concept of class Ingredient. A drug that is one is its own ingredient; those of
--   another stand above it in concept_ancestor; where it has none there, RxNorm's own relation "RxNorm has ing" names
--   them. A vocabulary that was loaded says so before what a feed brings.
-- Reference: OMOP CDM 5.4, DRUG_ERA (https://ohdsi.github.io/CommonDataModel/cdm54.html#drug_era)
WITH taken AS (
    SELECT DISTINCT drug_concept_id FROM drug_exposure WHERE drug_concept_id <> 0
),
substance AS (
    SELECT concept_id AS ingredient_concept_id FROM concept WHERE concept_class_id = 'Ingredient' AND standard_concept = 'S'
),
above AS (
    SELECT DISTINCT t.drug_concept_id, s.ingredient_concept_id
    FROM concept_ancestor a
    JOIN taken t ON t.drug_concept_id = a.descendant_concept_id
    JOIN substance s ON s.ingredient_concept_id = a.ancestor_concept_id
    UNION
    SELECT t.drug_concept_id, s.ingredient_concept_id
    FROM taken t
    JOIN substance s ON s.ingredient_concept_id = t.drug_concept_id
),
related AS (
    SELECT DISTINCT t.drug_concept_id, s.ingredient_concept_id
    FROM concept_relationship r
    JOIN taken t ON t.drug_concept_id = r.concept_id_1
    JOIN substance s ON s.ingredient_concept_id = r.concept_id_2
    WHERE r.relationship_id = 'RxNorm has ing' AND r.invalid_reason IS NULL
)
SELECT drug_concept_id, ingredient_concept_id FROM above
UNION ALL
SELECT drug_concept_id, ingredient_concept_id FROM related ANTI JOIN above USING (drug_concept_id)
