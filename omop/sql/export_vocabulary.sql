-- What is known of the concepts of the release and leads from one of them to another.
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

INSERT INTO cdm.concept_synonym BY NAME
SELECT DISTINCT s.*
FROM vocabulary.known_synonym s
SEMI JOIN cdm.concept c ON c.concept_id = s.concept_id
ORDER BY ALL;

INSERT INTO cdm.vocabulary BY NAME
SELECT v.*
FROM described v
SEMI JOIN cdm.concept c ON c.vocabulary_id = v.vocabulary_id
ORDER BY vocabulary_id;

-- Costs name domains too.
INSERT INTO cdm.domain BY NAME
SELECT x.*
FROM vocabulary.known_domain x
WHERE x.domain_id IN (SELECT domain_id FROM cdm.concept UNION ALL SELECT cost_domain_id FROM cdm.cost)
QUALIFY row_number() OVER (PARTITION BY x.domain_id ORDER BY x.rowid) = 1
ORDER BY x.domain_id;

INSERT INTO cdm.concept_class BY NAME
SELECT x.*
FROM vocabulary.known_class x
SEMI JOIN cdm.concept c ON c.concept_class_id = x.concept_class_id
QUALIFY row_number() OVER (PARTITION BY x.concept_class_id ORDER BY x.rowid) = 1
ORDER BY x.concept_class_id;

INSERT INTO cdm.relationship BY NAME
SELECT x.*
FROM vocabulary.known_kind x
SEMI JOIN cdm.concept_relationship r ON r.relationship_id = x.relationship_id
QUALIFY row_number() OVER (PARTITION BY x.relationship_id ORDER BY x.rowid) = 1
ORDER BY x.relationship_id;

-- The local maps that lead to a concept of the release.
INSERT INTO cdm.source_to_concept_map BY NAME
SELECT DISTINCT m.* REPLACE (coalesce(s.source_concept_id, m.source_concept_id, 0) AS source_concept_id, c.vocabulary_id AS target_vocabulary_id)
FROM vocabulary.map m
JOIN cdm.concept c ON c.concept_id = m.target_concept_id
LEFT JOIN vocabulary.source_concepts s ON s.vocabulary_id = m.source_vocabulary_id AND s.concept_code = m.source_code
ORDER BY ALL;
DROP TABLE described;
