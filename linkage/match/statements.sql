{{- /* The statements whose shape follows the spec. Names are quoted by the program;
       what a record holds is never part of a statement. */ -}}

{{define "values" -}}
-- The columns of one file in their forms. n numbers its records.
CREATE TABLE match.{{.Side}}_values AS
SELECT (row_number() OVER () - 1)::INTEGER AS n
     , {{with .ID}}{{.}}::VARCHAR{{else}}(row_number() OVER ())::VARCHAR{{end}} AS id
  {{- range .Columns}}
     , {{.Form}} AS {{.Value}}
  {{- end}}
FROM {{.Source}}
{{- end}}

{{define "frequency" -}}
-- How many bits it tells that a value is this one, over both files.
CREATE TABLE match.{{.Bits}} AS
SELECT {{.Value}}, (-log2(count(*) / sum(count(*)) OVER ()))::FLOAT AS {{.Bits}}
FROM (SELECT {{.Value}} FROM match.left_values{{if .Two}} UNION ALL SELECT {{.Value}} FROM match.right_values{{end}})
WHERE {{.Value}} IS NOT NULL GROUP BY {{.Value}}
{{- end}}

{{define "records" -}}
-- What pairs are compared by: k keys of rules, v values, s sets of letters, w lengths, t bits.
CREATE TABLE match."{{.Side}}" AS
SELECT n
  {{- range .Keys}}
     , {{.Key}} AS {{.Name}}
  {{- end}}
  {{- range .Columns}}
  {{- if .Compared}}
     , {{.Value}}
  {{- end}}
  {{- if .Letters}}
     , match.letters({{.Value}}) AS {{.Letters}}, strlen({{.Value}})::INTEGER AS {{.Length}}
  {{- end}}
  {{- if .Bits}}
     , {{.Bits}}
  {{- end}}
  {{- end}}
FROM match.{{.Side}}_values
  {{- range .Columns}}{{if .Bits}} LEFT JOIN match.{{.Bits}} USING ({{.Value}}){{end}}{{end}}
{{- end}}

{{define "pairs" -}}
{{- /* How each pair agrees: pattern holds the level of each comparison, see layout. */ -}}
SELECT l, r
     , ({{range $i, $c := .Comparisons}}{{if $i}}
       | {{end}}((CASE WHEN {{$c.Equal}} IS NULL THEN 0
         {{- range $c.Levels}} WHEN {{.Condition}} THEN {{.Code}}{{end}} ELSE 1 END)::{{$.PatternType}} << {{$c.Shift}}){{end}}) AS pattern
     , rules, bits
FROM (
  SELECT l.n AS l, r.n AS r
       , ({{range $i, $k := .Keys}}{{if $i}} | {{end}}(((l.{{$k.Name}} = r.{{$k.Name}}) IS TRUE)::INTEGER << {{$i}}){{else}}0{{end}}) AS rules
       , (0{{range .Comparisons}}{{if .Bits}} + CASE WHEN l.{{.Value}} = r.{{.Value}} THEN l.{{.Bits}} ELSE 0 END{{end}}{{end}})::FLOAT AS bits
    {{- range .Comparisons}}
       , l.{{.Value}} = r.{{.Value}} AS {{.Equal}}
      {{- range .Measures}}
       , {{.Expression}} AS {{.Name}}
      {{- end}}
    {{- end}}
  FROM {{.From}}
)
{{- end}}

{{define "block" -}}
match."left" l JOIN match."{{.Right}}" r ON l.{{.Key}} = r.{{.Key}}
  WHERE {{if eq .Of 1}}true{{else}}l.{{.Key}} % {{.Of}} = {{.Part}} AND r.{{.Key}} % {{.Of}} = {{.Part}}{{end}}
  {{- if not .Two}} AND l.n < r.n{{end}}
  {{- range .Earlier}} AND (l.{{.}} = r.{{.}}) IS NOT TRUE{{end}}
{{- end}}

{{define "blocks" -}}
({{range $i, $b := .Blocks}}{{if $i}}
  UNION ALL {{end}}SELECT l.n AS ln, r.n AS rn FROM {{$b}}{{end}}) both_sides
  JOIN match."left" l ON l.n = ln JOIN match."{{.Right}}" r ON r.n = rn
{{- end}}

{{define "random" -}}
{{- /* Every pair has the same chance, of one in Buckets. */ -}}
match."left" l JOIN match."{{.Right}}" r ON hash(l.n, 1) % {{.Buckets}} = hash(r.n, 2) % {{.Buckets}}
  {{- if not .Two}} AND l.n <> r.n{{end}}
{{- end}}

{{define "count" -}}
SELECT count(*), coalesce(sum(pairs), 0)::HUGEINT::DOUBLE, coalesce(max(pairs), 0)::DOUBLE FROM (
{{- if .Two}}
  SELECT l.c * r.c AS pairs
  FROM (SELECT {{.Key}} AS k, count(*)::HUGEINT AS c FROM match."left" GROUP BY k) l
  JOIN (SELECT {{.Key}} AS k, count(*)::HUGEINT AS c FROM match.right GROUP BY k) r USING (k)
{{- else}}
  SELECT count(*)::HUGEINT * (count(*) - 1) / 2 AS pairs FROM match."left" WHERE {{.Key}} IS NOT NULL GROUP BY {{.Key}} HAVING count(*) > 1
{{- end}})
{{- end}}

{{define "weigh" -}}
-- The weight of each pattern that came up, without the bits of its terms.
CREATE OR REPLACE TEMP TABLE weighed AS
SELECT pattern, {{.Weight}} AS weight
FROM (SELECT DISTINCT pattern FROM part)
{{- end}}

{{define "tally" -}}
INSERT INTO match.pattern SELECT pattern, rules, count(*) FROM part GROUP BY pattern, rules
{{- end}}

{{define "keep" -}}
INSERT INTO match.pair
SELECT l, r, pattern, rules, (weight + bits)::FLOAT, bits FROM part JOIN weighed USING (pattern)
WHERE weight + bits >= {{.Floor}}
{{- end}}

{{define "link" -}}
CREATE VIEW match.link AS
SELECT d.l, d.r, a.id AS l_id, b.id AS r_id, weight::DOUBLE AS weight, match.probability(weight + {{.Prior}}) AS probability
     , CASE decision WHEN 1 THEN 'linked' WHEN 2 THEN 'clerical' ELSE 'tied' END AS decision, pattern, bits
FROM match.decided d JOIN match.left_id a ON a.n = d.l JOIN match.{{.Right}}_id b ON b.n = d.r
WHERE decision IN (1, 2, 3)
{{- end}}

{{define "truth" -}}
CREATE TABLE match.truth AS
SELECT DISTINCT {{if .Two}}a.n AS l, b.n AS r{{else}}least(a.n, b.n) AS l, greatest(a.n, b.n) AS r{{end}}
FROM {{.Truth}} t JOIN match.left_id a ON a.id = t.l::VARCHAR JOIN match.{{.Right}}_id b ON b.id = t.r::VARCHAR
{{- if not .Two}} WHERE a.n <> b.n{{end}}
{{- end}}

{{define "blocked" -}}
SELECT count(*) FROM match.truth t JOIN match."left" l ON l.n = t.l JOIN match."{{.Right}}" r ON r.n = t.r
WHERE {{range $i, $k := .Keys}}{{if $i}} OR {{end}}l.{{$k.Name}} = r.{{$k.Name}}{{end}}
{{- end}}

{{define "curve" -}}
-- What is linked from each half bit of evidence on.
SELECT weight_from, (sum(pairs) OVER above)::BIGINT, sum(expected) OVER above, (sum(right_ones) OVER above)::BIGINT
FROM (
  SELECT floor(d.weight * 2)::DOUBLE / 2 AS weight_from, count(*) AS pairs, sum(match.probability(d.weight + {{.Prior}})) AS expected
       , count(t.l) AS right_ones
  FROM match.decided d LEFT JOIN match.truth t USING (l, r)
  WHERE decision IN (0, 1, 2) GROUP BY weight_from)
WINDOW above AS (ORDER BY weight_from DESC)
ORDER BY weight_from
{{- end}}

{{define "common" -}}
SELECT CASE decision WHEN 1 THEN 'linked' WHEN 2 THEN 'clerical' ELSE 'tied' END, pattern::BIGINT, count(*) AS pairs
FROM match.decided WHERE decision IN (1, 2, 3)
GROUP BY decision, pattern
QUALIFY row_number() OVER (PARTITION BY decision ORDER BY pairs DESC, pattern) <= {{.Most}}
ORDER BY decision, pairs DESC, pattern
{{- end}}
