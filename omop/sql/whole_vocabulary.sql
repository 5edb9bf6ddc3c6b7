-- Of the vocabularies that a loaded one has, what deposits brought is set aside: their
-- concepts, and the ways that lead from them. Their other vocabularies stay.
CREATE TEMP TABLE aside AS
SELECT DISTINCT concept_id
FROM vocabulary.known_concept
SEMI JOIN vocabulary.whole USING (vocabulary_id);

DELETE FROM vocabulary.known_relationship WHERE concept_id_1 IN (SELECT concept_id FROM aside);
DELETE FROM vocabulary.known_ancestor WHERE descendant_concept_id IN (SELECT concept_id FROM aside);
DELETE FROM vocabulary.known_strength WHERE drug_concept_id IN (SELECT concept_id FROM aside);
DELETE FROM vocabulary.known_concept WHERE vocabulary_id IN (SELECT vocabulary_id FROM vocabulary.whole);
DELETE FROM vocabulary.known_vocabulary WHERE vocabulary_id IN (SELECT vocabulary_id FROM vocabulary.whole);
DROP TABLE aside;
