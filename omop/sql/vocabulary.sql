-- What a source code means. Deposits may bring overlapping vocabularies: a
-- concept's first description holds.
CREATE TABLE vocabulary.concept AS
SELECT * EXCLUDE (position)
FROM (
    SELECT *, row_number() OVER (PARTITION BY concept_id ORDER BY rowid) AS position
    FROM vocabulary.known_concept
)
WHERE position = 1;

-- A code that several concepts carry means the standard one, then a valid one.
CREATE TABLE vocabulary.source_concepts AS
SELECT
    vocabulary_id,
    concept_code,
    first(concept_id ORDER BY standard_concept IS NOT DISTINCT FROM 'S' DESC, invalid_reason IS NULL DESC, concept_id) AS source_concept_id
FROM vocabulary.concept
GROUP BY vocabulary_id, concept_code;

CREATE TABLE vocabulary.concepts AS
WITH target AS (
    SELECT r.concept_id_1 AS concept_id, r.concept_id_2 AS standard_id
    FROM vocabulary.known_relationship r
    WHERE r.relationship_id = 'Maps to' AND r.invalid_reason IS NULL
    UNION
    SELECT concept_id, concept_id
    FROM vocabulary.concept
    WHERE standard_concept = 'S'
)
SELECT
    source.vocabulary_id,
    source.concept_code,
    any_value(code.source_concept_id) AS source_concept_id,
    standard.concept_id,
    any_value(standard.domain_id)     AS domain_id
FROM vocabulary.concept source
JOIN vocabulary.source_concepts code USING (vocabulary_id, concept_code)
JOIN target ON target.concept_id = source.concept_id
JOIN vocabulary.concept standard ON standard.concept_id = target.standard_id AND standard.standard_concept = 'S'
GROUP BY source.vocabulary_id, source.concept_code, standard.concept_id;

-- One standard concept a code, for units and values, which have room for one.
CREATE TABLE vocabulary.single_concept AS
SELECT vocabulary_id, concept_code, min(concept_id) AS concept_id
FROM vocabulary.concepts
GROUP BY vocabulary_id, concept_code;
