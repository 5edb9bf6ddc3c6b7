-- One row per pair and relationship, however many deposits tell of it.
CREATE TABLE ready.fact_relationship AS
SELECT * EXCLUDE (rank)
FROM (
    SELECT *, row_number() OVER (
        PARTITION BY domain_concept_id_1, fact_id_1, domain_concept_id_2, fact_id_2, relationship_concept_id
        ORDER BY deposit, source_table, source_line) AS rank
    FROM stage.fact_relationship
)
WHERE rank = 1;
