-- One row per person and key: the first deposit that reports the stay in a unit, gaps
-- filled from the next, as of the visit that it is a part of.
CREATE TABLE ready.visit_detail AS
WITH ranked AS (
    SELECT *, row_number() OVER (PARTITION BY person_id, key ORDER BY deposit, source_table, source_line) AS rank
    FROM stage.visit_detail
)
SELECT person_id, key, arg_min(COLUMNS(* EXCLUDE (person_id, key, rank)), rank) AS "\0"
FROM ranked
GROUP BY person_id, key;
