-- Which standard concepts may be meant by codes without one: by the words of their names.
-- A word is letters and digits, without accents and case. The score is Dice's coefficient,
-- each word weighted by its rarity among standard concepts: twice what both have, of what
-- either has. A word that no code has weighs half as much as the rarest.
CREATE MACRO words(name) AS list_distinct(list_filter(regexp_split_to_array(lower(strip_accents(name)), '[^a-z0-9]+'), lambda w: length(w) > 1));

CREATE TABLE code_word AS
SELECT place, unnest(words(name)) AS word FROM unmapped WHERE name IS NOT NULL;

CREATE TABLE concept_word AS
SELECT concept_id, length, word
FROM (SELECT concept_id, len(words(concept_name)) AS length, unnest(words(concept_name)) AS word FROM standard)
SEMI JOIN code_word USING (word);

CREATE TABLE weight AS
SELECT word, ln(1 + (SELECT count(*) FROM standard) / count(*)) AS weight
FROM concept_word
GROUP BY word;

CREATE TABLE suggestion AS
WITH rarest AS (
    SELECT ln(1 + count(*)) AS weight FROM standard
),
code AS (
    SELECT place, sum(coalesce(w.weight, rarest.weight / 2)) AS total
    FROM code_word LEFT JOIN weight w USING (word) CROSS JOIN rarest
    GROUP BY place
),
concept AS (
    SELECT concept_id, sum(w.weight) + (any_value(length) - count(*)) * any_value(rarest.weight) / 2 AS total
    FROM concept_word JOIN weight w USING (word) CROSS JOIN rarest
    GROUP BY concept_id
),
shared AS (
    SELECT place, concept_id, sum(w.weight) AS weight
    FROM code_word JOIN concept_word USING (word) JOIN weight w USING (word)
    GROUP BY place, concept_id
)
SELECT place, concept_id, 2 * shared.weight / (code.total + concept.total) AS score
FROM shared JOIN code USING (place) JOIN concept USING (concept_id)
WHERE score >= 0.3
QUALIFY row_number() OVER (PARTITION BY place ORDER BY score DESC, concept_id) <= 5;
