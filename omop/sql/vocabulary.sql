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

-- The local map that speaks of a code, as far as its concepts are standard.
CREATE TABLE vocabulary.map AS
SELECT m.* EXCLUDE (priority)
FROM vocabulary.known_map m
JOIN vocabulary.concept c ON c.concept_id = m.target_concept_id AND c.standard_concept = 'S'
WHERE m.invalid_reason IS NULL
QUALIFY priority = min(priority) OVER (PARTITION BY source_vocabulary_id, source_code);

CREATE TABLE vocabulary.concepts AS
WITH target AS (
    SELECT r.concept_id_1 AS concept_id, r.concept_id_2 AS standard_id
    FROM vocabulary.known_relationship r
    WHERE r.relationship_id = 'Maps to' AND r.invalid_reason IS NULL
    UNION
    SELECT concept_id, concept_id
    FROM vocabulary.concept
    WHERE standard_concept = 'S'
),
meant AS (
    SELECT source.vocabulary_id, source.concept_code, target.standard_id
    FROM vocabulary.concept source
    JOIN target USING (concept_id)
    ANTI JOIN vocabulary.map m ON m.source_vocabulary_id = source.vocabulary_id AND m.source_code = source.concept_code
    UNION
    SELECT source_vocabulary_id, source_code, target_concept_id
    FROM vocabulary.map
)
SELECT
    meant.vocabulary_id,
    meant.concept_code,
    coalesce(any_value(code.source_concept_id), 0) AS source_concept_id,
    standard.concept_id,
    any_value(standard.domain_id)                  AS domain_id
FROM meant
LEFT JOIN vocabulary.source_concepts code USING (vocabulary_id, concept_code)
JOIN vocabulary.concept standard ON standard.concept_id = meant.standard_id AND standard.standard_concept = 'S'
GROUP BY meant.vocabulary_id, meant.concept_code, standard.concept_id;

-- One standard concept a code, for units and values, which have room for one.
CREATE TABLE vocabulary.single_concept AS
SELECT vocabulary_id, concept_code, min(concept_id) AS concept_id
FROM vocabulary.concepts
GROUP BY vocabulary_id, concept_code;
