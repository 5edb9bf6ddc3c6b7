-- What the SQL of derived/ sees: the words of the vocabulary under their names in
-- the CDM. Events follow, some persons' at a time.
CREATE SCHEMA derived;
CREATE VIEW derived.concept AS FROM vocabulary.concept;
CREATE VIEW derived.concept_ancestor AS FROM vocabulary.known_ancestor;
CREATE VIEW derived.concept_relationship AS FROM vocabulary.known_relationship;
CREATE VIEW derived.drug_strength AS FROM vocabulary.known_strength;
