-- Of a $table: one row for each $identity, that of the first deposit that tells of it, gaps
-- filled from the next.
CREATE TABLE ready.$table AS
WITH ranked AS (
    SELECT *, row_number() OVER (PARTITION BY $identity ORDER BY deposit, source_table, source_line) AS rank
    FROM stage.$table
)
SELECT $identity, arg_min(COLUMNS(* EXCLUDE ($identity, rank)), rank) AS "\0"
FROM ranked
GROUP BY $identity;
