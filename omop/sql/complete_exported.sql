-- What a loaded vocabulary says of the concepts of the release.
INSERT INTO vocabulary.known_relationship
SELECT r.*
FROM vocabulary.whole_concept_relationship r
SEMI JOIN cdm.concept a ON a.concept_id = r.concept_id_1
SEMI JOIN cdm.concept b ON b.concept_id = r.concept_id_2;

INSERT INTO vocabulary.known_ancestor
SELECT a.*
FROM vocabulary.whole_concept_ancestor a
SEMI JOIN cdm.concept above ON above.concept_id = a.ancestor_concept_id
SEMI JOIN cdm.concept below ON below.concept_id = a.descendant_concept_id;

INSERT INTO vocabulary.known_synonym
SELECT s.* FROM vocabulary.whole_concept_synonym s SEMI JOIN cdm.concept c USING (concept_id);
