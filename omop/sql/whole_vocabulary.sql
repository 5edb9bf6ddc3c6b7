-- Of the vocabularies that a loaded one has, what deposits brought is set aside: their
-- concepts, and the ways that lead from them. Their other vocabularies stay.
CREATE TEMP TABLE aside AS
SELECT DISTINCT concept_id
FROM vocabulary.known_concept
SEMI JOIN vocabulary.whole USING (vocabulary_id);

DELETE FROM vocabulary.known_relationship WHERE concept_id_1 IN (SELECT concept_id FROM aside);
DELETE FROM vocabulary.known_ancestor WHERE descendant_concept_id IN (SELECT concept_id FROM aside);
DELETE FROM vocabulary.known_strength WHERE drug_concept_id IN (SELECT concept_id FROM aside);
DELETE FROM vocabulary.known_synonym WHERE concept_id IN (SELECT concept_id FROM aside);
DELETE FROM vocabulary.known_concept WHERE vocabulary_id IN (SELECT vocabulary_id FROM vocabulary.whole);
DELETE FROM vocabulary.known_vocabulary WHERE vocabulary_id IN (SELECT vocabulary_id FROM vocabulary.whole);
DROP TABLE aside;

-- The small tables are taken whole.
INSERT INTO vocabulary.known_vocabulary FROM vocabulary.whole_vocabulary;
INSERT INTO vocabulary.known_domain FROM vocabulary.whole_domain;
INSERT INTO vocabulary.known_class FROM vocabulary.whole_concept_class;
INSERT INTO vocabulary.known_kind FROM vocabulary.whole_relationship;

-- Of the others: the vocabularies that feeds name, what their codes map to, and what
-- deposits' own codes and local maps mean.
CREATE TEMP TABLE named_concept AS
SELECT concept_id FROM vocabulary.whole_concept SEMI JOIN vocabulary.named USING (vocabulary_id);

INSERT INTO vocabulary.known_relationship
SELECT r.*
FROM vocabulary.whole_concept_relationship r
SEMI JOIN named_concept n ON n.concept_id = r.concept_id_1
WHERE r.relationship_id = 'Maps to';

INSERT INTO vocabulary.known_concept
FROM vocabulary.whole_concept
WHERE concept_id IN (
    SELECT concept_id FROM named_concept
    UNION ALL SELECT concept_id_2 FROM vocabulary.known_relationship
    UNION ALL SELECT target_concept_id FROM vocabulary.known_map
);
DROP TABLE named_concept;
