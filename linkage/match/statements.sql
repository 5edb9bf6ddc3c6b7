{{- /* The statements whose shape follows the spec. Names are quoted by the program;
       what a record holds is never part of a statement. */ -}}

{{define "values" -}}
-- The columns of one file in their forms. A record's number is its row here.
CREATE TABLE match.{{.Side}}_values AS
SELECT {{with .ID}}{{.}}::VARCHAR AS id{{else}}NULL AS id{{end}}
  {{- range .Columns}}
     , {{.Form}} AS {{.Value}}
  {{- end}}
FROM {{.Source}}
{{- end}}

{{define "id" -}}
-- Who a record is.
CREATE TABLE match.{{.Side}}_id AS
SELECT rowid::INTEGER AS n, {{if .ID}}id{{else}}(rowid + 1)::VARCHAR AS id{{end}} FROM match.{{.Side}}_values
{{- end}}

{{define "distinct" -}}
-- What is known of each value of a column, over both files: t how many bits it tells
-- that a value is this one, s its set of letters, w its length, g its set of neighbours; of a date, x it
-- with day and month exchanged, y its year; q what rules take of it, as a hash.
{{with .Column -}}
CREATE TABLE match.{{.Distinct}} AS
SELECT {{.Value}}
  {{- if .Bits}}
     , (-log2(count(*) / sum(count(*)) OVER ()))::FLOAT AS {{.Bits}}
  {{- end}}
  {{- if .Letters}}
     , match.letters({{.Value}}) AS {{.Letters}}
  {{- end}}
  {{- if .Neighbours}}
     , match.neighbours({{.Value}}) AS {{.Neighbours}}
  {{- end}}
  {{- if .Length}}
     , strlen({{.Value}}) AS {{.Length}}
  {{- end}}
  {{- if .Exchanged}}
     , match.exchanged({{.Value}}) AS {{.Exchanged}}
  {{- end}}
  {{- if .Year}}
     , {{.Value}}[1:4] AS {{.Year}}
  {{- end}}
  {{- range .Terms}}
     , {{.Expression}} AS {{.Name}}
  {{- end}}
FROM (SELECT {{.Value}} FROM match.left_values{{if $.Two}} UNION ALL SELECT {{.Value}} FROM match.right_values{{end}})
WHERE {{.Value}} IS NOT NULL GROUP BY {{.Value}}
{{- end}}
{{- end}}

{{define "records" -}}
-- What pairs are compared by: k and h keys of rules, v values, and what is known of them. Of a value that is
-- missing, the sets are full, as those of no text are, and the length is 0, which is quicker than NULL to look at.
CREATE TABLE match."{{.Side}}" AS
SELECT {{.Side}}_values.rowid::INTEGER AS n
  {{- range .Keys}}
     , {{.Key}} AS {{.Name}}
  {{- end}}
  {{- range .Columns}}
  {{- if .Compared}}
     , {{.Value}}
  {{- end}}
  {{- if .Letters}}
     , coalesce({{.Letters}}, 9223372036854775807) AS {{.Letters}}
  {{- end}}
  {{- if .Neighbours}}
     , coalesce({{.Neighbours}}, 9223372036854775807) AS {{.Neighbours}}
  {{- end}}
  {{- if .Length}}
     , coalesce({{.Length}}, 0) AS {{.Length}}
  {{- end}}
  {{- if .Exchanged}}
     , {{.Exchanged}}
  {{- end}}
  {{- if .Year}}
     , {{.Year}}
  {{- end}}
  {{- if .Bits}}
     , {{.Bits}}
  {{- end}}
  {{- end}}
FROM match.{{.Side}}_values
  {{- range .Columns}}{{if .Distinct}} LEFT JOIN match.{{.Distinct}} USING ({{.Value}}){{end}}{{end}}
{{- end}}

{{define "candidates" -}}
-- The pairs that the rules bring, of a range of the left records, each from the first rule that
-- does: rules has a bit for every one.
CREATE OR REPLACE TEMP TABLE candidate AS
{{- range .Rules}}
{{- if .Earlier}}
UNION ALL{{end}}
SELECT l.n AS l, r.n AS r, {{.Bit}}{{range .Later}} + coalesce((l.{{.Name}} = r.{{.Name}})::INTEGER, 0) * {{.Bit}}{{end}} AS rules
FROM match."left" l JOIN match."{{$.Right}}" r ON l.{{.Name}} = r.{{.Name}}
WHERE l.n >= {{$.From}} AND l.n < {{$.To}}{{if not $.Two}} AND l.n < r.n{{end}}
  {{- range .Earlier}} AND NOT coalesce(l.{{.Name}} = r.{{.Name}}, false){{end}}
{{- end}}
{{- end}}

{{define "pairs" -}}
{{- /* How each pair agrees: pattern holds the level of each comparison, see layout; bits what the terms
       that are equal tell. */ -}}
SELECT l, r
     , ({{range $i, $c := .Comparisons}}{{if $i}}
       | {{end}}((CASE WHEN {{$c.Equal}} IS NULL THEN 0
         {{- range $c.Levels}} WHEN {{.Condition}} THEN {{.Code}}{{end}} ELSE 1 END)::{{$.PatternType}} << {{$c.Shift}}){{end}}) AS pattern
     , rules
     , (0{{range .Comparisons}}{{if .Bits}} + CASE WHEN {{.Equal}} THEN {{.Bits}} ELSE 0 END{{end}}{{end}})::FLOAT AS bits
FROM (
  SELECT l.n AS l, r.n AS r, {{.Rules}} AS rules
    {{- range .Comparisons}}
       , l.{{.Value}} = r.{{.Value}} AS {{.Equal}}
      {{- if .Bits}}
       , l.{{.Bits}}
      {{- end}}
      {{- range .Measures}}
       , {{.Expression}} AS {{.Name}}
      {{- end}}
    {{- end}}
  FROM {{.From}}
)
{{- end}}

{{define "part" -}}
candidate c
  JOIN (SELECT *, {{.Missing}} AS missing FROM match."left" WHERE n >= {{.From}} AND n < {{.To}}) l ON l.n = c.l
  JOIN (SELECT *, {{.Missing}} AS missing FROM match."{{.Right}}") r ON r.n = c.r
  WHERE {{.Condition}}
{{- end}}

{{define "sampled" -}}
-- One in Of of the candidates.
CREATE OR REPLACE TEMP TABLE sampled AS FROM candidate WHERE hash(l, r) % {{.Of}} = 0
{{- end}}

{{define "hopeful" -}}
-- The share of them that fulfil a bound.
SELECT coalesce(avg(({{.Condition}})::INTEGER), 0)
FROM sampled c
  JOIN (SELECT *, {{.Missing}} AS missing FROM match."left") l ON l.n = c.l
  JOIN (SELECT *, {{.Missing}} AS missing FROM match."{{.Right}}") r ON r.n = c.r
{{- end}}

{{define "block" -}}
{{- /* One in Of of the pairs of a rule, whole blocks at a time. */ -}}
match."left" l JOIN match."{{.Right}}" r ON l.{{.Key}} = r.{{.Key}}
  WHERE {{if eq .Of 1}}true{{else}}l.{{.Key}} % {{.Of}} = 0 AND r.{{.Key}} % {{.Of}} = 0{{end}}
  {{- if not .Two}} AND l.n < r.n{{end}}
{{- end}}

{{define "random" -}}
{{- /* Every pair has the same chance, of one in Buckets. */ -}}
match."left" l JOIN match."{{.Right}}" r ON hash(l.n, 1) % {{.Buckets}} = hash(r.n, 2) % {{.Buckets}}
  {{- if not .Two}} AND l.n <> r.n{{end}}
{{- end}}

{{define "count" -}}
{{- /* The pairs of a rule and of its largest block, from one in Of of the left records. In one
       file a pair is met from both ends. */ -}}
SELECT {{.Of}} * coalesce(sum(pairs), 0)::DOUBLE, {{.Of}} * coalesce(max(pairs), 0)::DOUBLE FROM (
  SELECT l.c::DOUBLE * {{if .Two}}r.c{{else}}(r.c - 1) / 2{{end}} AS pairs
  FROM (SELECT {{.Key}} AS k, count(*) AS c FROM match."left" WHERE {{.Key}} IS NOT NULL AND n % {{.Of}} = 0 GROUP BY k) l
  JOIN (SELECT {{.Key}} AS k, count(*) AS c FROM match."{{.Right}}" WHERE {{.Key}} IN (SELECT {{.Key}} FROM match."left" WHERE n % {{.Of}} = 0) GROUP BY k) r USING (k))
{{- end}}

{{define "weigh" -}}
-- The weight of each pattern that came up, without the bits of its terms.
CREATE OR REPLACE TEMP TABLE weighed AS
SELECT pattern, {{.Weight}} AS weight
FROM (SELECT DISTINCT pattern FROM part)
{{- end}}

{{define "tally_rules" -}}
INSERT INTO match.rule SELECT rules, count(*) FROM candidate GROUP BY rules
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
