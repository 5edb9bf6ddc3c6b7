-- What rows use of a loaded vocabulary, and what stands above it or says what it is made
-- of: taken now that the rows are known. It may run again for other concepts: a loaded
-- vocabulary is read for those alone that no part used before.
INSERT INTO vocabulary.known_ancestor
SELECT a.*
FROM vocabulary.whole_concept_ancestor a
SEMI JOIN stage.new_concept u ON u.concept_id = a.descendant_concept_id
ANTI JOIN vocabulary.known_ancestor k
    ON k.ancestor_concept_id = a.ancestor_concept_id AND k.descendant_concept_id = a.descendant_concept_id;

INSERT INTO vocabulary.known_strength
SELECT d.*
FROM vocabulary.whole_drug_strength d
SEMI JOIN stage.new_concept u ON u.concept_id = d.drug_concept_id
ANTI JOIN vocabulary.known_strength k ON k.drug_concept_id = d.drug_concept_id AND k.ingredient_concept_id = d.ingredient_concept_id;

CREATE TEMP TABLE wanted AS
SELECT concept_id
FROM (
    SELECT concept_id FROM stage.new_concept
    UNION SELECT ancestor_concept_id FROM vocabulary.known_ancestor
    UNION SELECT unnest([ingredient_concept_id, amount_unit_concept_id, numerator_unit_concept_id, denominator_unit_concept_id]) FROM vocabulary.known_strength
    UNION SELECT vocabulary_concept_id FROM vocabulary.known_vocabulary
    UNION SELECT domain_concept_id FROM vocabulary.known_domain
    UNION SELECT concept_class_concept_id FROM vocabulary.known_class
    UNION SELECT relationship_concept_id FROM vocabulary.known_kind
)
ANTI JOIN vocabulary.concept USING (concept_id);

INSERT INTO vocabulary.concept BY NAME
SELECT c.* FROM vocabulary.whole_concept c SEMI JOIN wanted USING (concept_id);
DROP TABLE wanted;
