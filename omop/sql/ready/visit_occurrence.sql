-- One row per person and key: the first deposit that reports the visit, gaps
-- filled from the next. The person is part of the key, so that a wrong link can
-- never hand somebody's visit to somebody else.
CREATE TABLE ready.visit_occurrence AS
WITH ranked AS (
    SELECT *, row_number() OVER (PARTITION BY person_id, key ORDER BY deposit, source_table, source_line) AS rank
    FROM stage.visit_occurrence
)
SELECT person_id, key, arg_min(COLUMNS(* EXCLUDE (person_id, key, rank)), rank) AS "\0"
FROM ranked
GROUP BY person_id, key;
