-- One row per key: the first deposit that names it, gaps filled from the next.
CREATE TABLE ready.location AS
WITH ranked AS (
    SELECT *, row_number() OVER (PARTITION BY key ORDER BY deposit, source_table, source_line) AS rank
    FROM stage.location
)
SELECT key, arg_min(COLUMNS(* EXCLUDE (key, rank)), rank) AS "\0"
FROM ranked
GROUP BY key;
