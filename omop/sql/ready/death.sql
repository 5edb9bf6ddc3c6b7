-- One death a person: the first deposit that reports it, gaps filled from the next.
CREATE TABLE ready.death AS
WITH ranked AS (
    SELECT *, row_number() OVER (PARTITION BY person_id ORDER BY deposit, source_table, source_line) AS rank
    FROM stage.death
)
SELECT person_id, arg_min(COLUMNS(* EXCLUDE (person_id, rank)), rank) AS "\0"
FROM ranked
GROUP BY person_id;
