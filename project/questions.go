package project

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/lake"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/project/query"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/warehouse"
)

// Question is what a researcher asks of a project's space in SQL.
type Question struct {
	Project    string
	Researcher string
	Session    string // questions of one session are summed up together
	Text       string
}

// Answered is an answer, and what is left of what the project may ask of this release.
type Answered struct {
	Number  int    `json:"number"`
	Release string `json:"release"`
	*query.Answer
	QuestionsLeft int     `json:"questions_left"`
	NumbersLeft   int     `json:"numbers_left"`
	Seconds       float64 `json:"seconds"`
}

// things are the tables that are about no person.
var things = []string{"location", "care_site", "provider"}

// schemaOf is what questions may name of a space.
func schemaOf(spec *governance.Spec, has []string) (schema query.Schema) {
	for _, name := range has {
		fields, granted := spec.Tables[name]
		t := query.Table{Name: name, Of: query.Persons}
		switch {
		case !granted:
			continue
		case slices.Contains(vocabulary, name):
			t.Of = query.Vocabulary
		case slices.Contains(things, name):
			t.Of = query.Things
		case !slices.Contains(fieldNames(name), "person_id"):
			continue // cost: it does not say whose it is
		}
		for _, f := range omop.Fields(name) {
			if fields.All || slices.Contains(fields.Columns, f.Name) {
				t.Columns = append(t.Columns, columnOf(name, f))
			}
		}
		schema.Tables = append(schema.Tables, t)
	}
	return schema
}

func columnOf(table string, f omop.Field) query.Column {
	c := query.Column{Name: f.Name, Kind: query.Number}
	switch {
	case numbered(table, f):
		c.Kind, c.Series, c.Key = query.Record, series(table, f), f.PrimaryKey
	case f.Type == "DATE", f.Type == "TIMESTAMP":
		c.Kind = query.Date
	case f.Type == "VARCHAR":
		c.Kind = query.Text
	}
	return c
}

func queryRules(spec *governance.Spec) query.Rules {
	return query.Rules{Least: spec.MinimumCell, Dominance: rulesOf(spec).Dominance}
}

// Schema is what questions may name of a project's space.
func Schema(p *governance.Project) query.Schema {
	var has []string
	for _, t := range p.Extraction.Tables {
		has = append(has, t.Table)
	}
	return schemaOf(p.Spec, has)
}

// SumUpEvery sums up what was asked of every project, every so often until ctx ends, and then
// once more. What fails is told to wrong, and tried again.
func SumUpEvery(ctx context.Context, w *warehouse.Warehouse, every time.Duration, wrong func(error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ended := false; !ended; {
		select {
		case <-ctx.Done():
			ended = true
		case <-tick.C:
		}
		ctx := context.WithoutCancel(ctx)
		state, err := w.State(ctx)
		if err != nil {
			wrong(err)
			continue
		}
		for name, p := range state.Projects.All() {
			info, err := os.Stat(w.QuestionsPath(name))
			if err != nil || p.Status != governance.Approved || info.Size() <= max(p.Questions.History.Size, int64(len(warehouse.QuestionsLine))) {
				continue // nothing was asked since
			}
			if err := SumUp(ctx, w, name); err != nil {
				wrong(err)
			}
		}
	}
	return nil
}

// Ask answers a question about a project's space: what of it may be shown by the rules of the
// authorisation, beside what was answered before. That it was asked, and what came of it,
// is in the project's history before anything is shown; [SumUp] tells the ledger. The error is
// a *governance.Refusal where it is not answered.
func Ask(ctx context.Context, w *warehouse.Warehouse, q Question) (_ *Answered, err error) {
	began := time.Now()
	s, project, key, closed, err := questioned(ctx, w, q.Researcher, q.Project)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closed()) }()
	journal, err := s.journal(ctx, project, key)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	entry := &query.Entry{
		Time: w.Now().UTC(), Session: q.Session, Researcher: q.Researcher, Text: q.Text, Release: project.Extraction.Release, Space: project.Extracted.Index,
	}
	before := journal.Of(entry.Space, entry.Release)
	answer, told, err := s.answer(ctx, project, key, q.Text, before)
	var refused *query.Refused
	if errors.As(err, &refused) {
		entry.Refused = refused.Reason
		return nil, errors.Join(journal.Add(entry), &governance.Refusal{Reason: refused.Reason, Remedy: refused.Remedy})
	}
	if err != nil {
		return nil, err
	}
	entry.Told = told
	if err := journal.Add(entry); err != nil {
		return nil, err
	}
	return &Answered{
		Number: entry.Number, Release: entry.Release, Answer: answer, QuestionsLeft: query.BudgetQuestions - before.Questions - 1,
		NumbersLeft: max(0, query.BudgetNumbers-before.Numbers-entry.Numbers()), Seconds: time.Since(began).Round(time.Millisecond).Seconds(),
	}, nil
}

// questioned opens a project's space for a question, if its researcher may run studies over
// it now.
func questioned(ctx context.Context, w *warehouse.Warehouse, researcher, name string) (s *space, project *governance.Project, key *keyring.Key, closed func() error, err error) {
	s, shut, err := openKeys(ctx, w)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	// The state in memory: many questions are asked, each of which would read it from the disk.
	err = w.Read(ctx, func(m *warehouse.Model) (err error) {
		project, s.vault, err = s.askable(ctx, m.State, researcher, name)
		return err
	})
	if errors.Is(err, errWitnesses) { // who are asked takes a while, in which others look at the state
		err = s.awaited(ctx, name)
	}
	if err == nil {
		key, err = s.key(ctx, project)
	}
	if err != nil {
		return nil, nil, nil, nil, errors.Join(err, shut())
	}
	return s, project, key, func() error { key.Wipe(); return shut() }, nil
}

var errWitnesses = errors.New("witnesses have to be asked")

// askable is a project whose space can be asked by a researcher now, as it is, and where its objects
// lie. Of the state it keeps only what does not change.
func (s *space) askable(ctx context.Context, state *governance.State, researcher, name string) (*governance.Project, *lake.Vault, error) {
	known, err := state.Project(name)
	if err != nil {
		return nil, nil, err
	}
	if err := mayRun(state, researcher, name, s.w.Now()); err != nil {
		return nil, nil, err
	}
	if known.Extraction == nil {
		return nil, nil, &governance.Refusal{Reason: "project " + name + " has no data yet", Remedy: "Give it its data: rempart project extract " + name}
	}
	if err := s.w.Heeded(ctx, state, "", name); err != nil {
		return nil, nil, err
	}
	vault, err := s.w.Vault(state)
	if err != nil {
		return nil, nil, err
	}
	project := *known // its parts are replaced where they change
	done, err := s.w.Cosigned(ctx, state, *known.Extracted, ledger.ProjectExtracted{}.Kind())
	if err == nil && !done {
		err = errWitnesses
	}
	return &project, vault, err
}

// awaited asks the witnesses for whom a project's space waits.
func (s *space) awaited(ctx context.Context, name string) error {
	state, err := s.w.State(ctx)
	if err != nil {
		return err
	}
	return s.w.Readable(ctx, state, "", name)
}

// journal opens the project's history of questions.
func (s *space) journal(ctx context.Context, project *governance.Project, key *keyring.Key) (*query.Journal, error) {
	path := s.w.QuestionsPath(project.Name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return query.OpenJournal(ctx, path, key, project.Questions.History)
}

// answer evaluates a question in the sandbox, over the tables that it names, and judges it.
func (s *space) answer(ctx context.Context, project *governance.Project, key *keyring.Key, text string, before query.History) (*query.Answer, []query.ToldColumn, error) {
	ctx, cancel := context.WithCancel(ctx) // ends inputs that the sandbox has not read
	defer cancel()
	schema := Schema(project)
	var inputs []run.Input
	names := query.Tables(text, schema)
	for i, t := range project.Extraction.Tables {
		if slices.Contains(names, t.Table) {
			in, _ := input(ctx, s.vault, t.Table, project.Extraction.Objects[i], key)
			inputs = append(inputs, in)
		}
	}
	found, err := query.Ask(ctx, text, schema, inputs)
	if err != nil {
		return nil, nil, err
	}
	return query.Judge(found, queryRules(project.Spec), project.Extraction.Persons, before)
}

// SumUp tells the ledger what was asked of a project's space since it was told last, by
// session; nothing where nothing was. So the ledger stays small, and the history that it
// anchors cannot be shortened.
func SumUp(ctx context.Context, w *warehouse.Warehouse, name string) (err error) {
	s, closed, err := open(ctx, w)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closed()) }()
	project, err := s.state.Project(name)
	if err != nil || project.Extraction == nil {
		return err
	}
	key, err := s.key(ctx, project)
	if err != nil {
		return err
	}
	defer key.Wipe()
	journal, err := s.journal(ctx, project, key)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	body := ledger.QuestionsAnswered{Project: name, Release: project.Extraction.Release, History: journal.Head()}
	for _, e := range journal.Since() {
		body.Sessions = sumUp(body.Sessions, e)
	}
	if len(body.Sessions) == 0 {
		return nil
	}
	_, err = w.Commit(ctx, s.state.ControllerName(), body)
	return err
}

// sumUp adds a question to its session.
func sumUp(sessions []ledger.Asked, e query.Entry) []ledger.Asked {
	at := slices.IndexFunc(sessions, func(a ledger.Asked) bool { return a.Session == e.Session && a.Researcher == e.Researcher })
	moment := e.Time.Truncate(time.Second)
	if at < 0 {
		at, sessions = len(sessions), append(sessions, ledger.Asked{Session: e.Session, Researcher: e.Researcher, From: moment})
	}
	a := &sessions[at]
	a.Until = moment
	if e.Refused != "" {
		a.Refused++
	} else {
		a.Answered++
		a.Numbers += int64(e.Numbers())
	}
	return sessions
}

// Asked is a question of a project's history, without what it told.
type Asked struct {
	Number     int       `json:"number"`
	Time       time.Time `json:"time"`
	Researcher string    `json:"researcher"`
	Text       string    `json:"text"`
	Release    string    `json:"release"`
	Numbers    int       `json:"numbers"`
	Refused    string    `json:"refused,omitempty"`
}

// Questions lists what was asked of a project's space, the first first. as is a researcher of the
// project while it may be used, an officer or the controller.
func Questions(ctx context.Context, w *warehouse.Warehouse, as, name string) (asked []Asked, err error) {
	s, closed, err := open(ctx, w)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closed()) }()
	project, err := s.state.Project(name)
	if err != nil {
		return nil, err
	}
	if err := s.mayLook(as, name); err != nil {
		return nil, err
	}
	asked = []Asked{}
	if project.Extraction == nil {
		return asked, nil
	}
	key, err := s.key(ctx, project)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	journal, err := s.journal(ctx, project, key)
	if err != nil {
		return nil, err
	}
	for _, e := range journal.Entries {
		asked = append(asked, Asked{e.Number, e.Time, e.Researcher, strings.TrimSpace(e.Text), e.Release, e.Numbers(), e.Refused})
	}
	return asked, journal.Close()
}

// Ask answers a question about a twin, by the same rules. It remembers nothing: nothing of a
// twin is anybody's.
func (t *TwinFolder) Ask(ctx context.Context, text string) (*Answered, error) {
	began := time.Now()
	files, err := filepath.Glob(filepath.Join(t.dir, twinData, "*.parquet"))
	if err != nil {
		return nil, err
	}
	var has []string
	for _, f := range files {
		has = append(has, strings.TrimSuffix(filepath.Base(f), ".parquet"))
	}
	schema := schemaOf(t.spec, has)
	var inputs []run.Input
	for _, name := range query.Tables(text, schema) {
		f, err := os.Open(filepath.Join(t.dir, twinData, name+".parquet"))
		if err != nil {
			return nil, err
		}
		defer f.Close()
		inputs = append(inputs, run.Input{Name: name + ".parquet", Content: f})
	}
	found, err := query.Ask(ctx, text, schema, inputs)
	var answer *query.Answer
	if err == nil {
		answer, _, err = query.Judge(found, queryRules(t.spec), 0, query.History{})
	}
	var refused *query.Refused
	if errors.As(err, &refused) {
		return nil, &governance.Refusal{Reason: refused.Reason, Remedy: refused.Remedy}
	}
	if err != nil {
		return nil, err
	}
	return &Answered{Answer: answer, QuestionsLeft: query.BudgetQuestions, NumbersLeft: query.BudgetNumbers, Seconds: time.Since(began).Round(time.Millisecond).Seconds()}, nil
}
