-- The features of one table, window and kind, whose codes are in the table codes. An event counts where
-- it is in the window, which ends at the index date.
INSERT INTO found
SELECT c.row, k.feature, {{.Value}}
FROM cohort AS c
JOIN {{.Table}} AS e ON e.person_id = c.person_id AND e.{{.Day}} BETWEEN c.index_date + {{.From}} AND c.index_date + {{.To}}
JOIN codes AS k ON k.feature IN ({{.Features}}) AND {{if .Coded}}k.concept = e.{{.Concept}}{{else}}k.concept IS NULL{{end}}
{{if .Valued}}WHERE e.{{.Valued}} IS NOT NULL
{{end}}GROUP BY c.row, k.feature;
