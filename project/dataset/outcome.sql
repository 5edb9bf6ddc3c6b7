-- The first event of the days at risk, and the last day on which one could have been seen.
CREATE TEMP TABLE outcome AS
WITH seen AS (
    SELECT c.row, min(e.{{.Day}}) AS day
    FROM cohort AS c
    JOIN {{.Table}} AS e ON e.person_id = c.person_id AND e.{{.Day}} BETWEEN c.index_date + {{.From}} AND c.index_date + {{.To}}
    {{if .Coded}}WHERE e.{{.Concept}} IN (SELECT concept FROM codes WHERE feature = -1)
    {{end}}GROUP BY c.row
),
followed AS (
    SELECT c.row, least(c.index_date + {{.To}}, {{.Until}}) AS day
    FROM cohort AS c
    {{.Joins}}
)
SELECT c.row, (seen.day IS NOT NULL)::TINYINT AS label,
    greatest(coalesce(seen.day, followed.day) - c.index_date, 0)::INTEGER AS days,
    seen.day IS NULL AND followed.day < c.index_date + {{.To}} AS censored
FROM cohort AS c JOIN followed USING (row) LEFT JOIN seen USING (row);
