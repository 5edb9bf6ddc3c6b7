-- By how much the numbers of each person's rows of $table move: they stand together, in the
-- order of persons.
CREATE TABLE splice.$table AS
SELECT
    *,
    CAST(sum(rows) OVER (ORDER BY person_id ROWS UNBOUNDED PRECEDING) - rows + 1 - first AS BIGINT) AS shift
FROM (
    SELECT person_id, true AS carried, min($id) AS first, count(*) AS rows
    FROM $base
    ANTI JOIN reach.person USING (person_id)
    GROUP BY person_id
    UNION ALL
    SELECT person_id, false, min($id), count(*)
    FROM cdm.$table
    GROUP BY person_id
);
