package portal

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"rempart.eu/rempart/ledger"
)

// line is a statement in the story.
type line struct {
	Index   int       `json:"index"`
	Time    time.Time `json:"time"`
	Actor   string    `json:"actor"`
	Kind    string    `json:"kind"`
	Project string    `json:"project,omitempty"`
	Tells   sentence  `json:"tells"`
}

// storyData is a page of the story, the latest first.
type storyData struct {
	Lines  []line `json:"statements"`
	Total  int    `json:"total"` // that pass the filter
	Filter filter `json:"-"`
	Newer  string `json:"-"` // the query of the page of newer ones, or ""
	Older  string `json:"-"`
	First  int    `json:"-"` // which of them are shown, from 1
	Last   int    `json:"-"`
}

// filter narrows the story.
type filter struct {
	Project, Actor, Kind string
	From, To             string // days
	Projects             []string
	Actors               []string
	Kinds                []choice
	Narrowed             bool
}

// lines is how many statements a page of the story has.
const lines = 50

// story tells the ledger as sentences. ?project, ?actor, ?kind, ?from and ?to
// narrow it; ?skip= is how many of the latest are left out.
func (p *Portal) story(q *request) (*answer, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	query := q.URL.Query()
	f := filter{Project: query.Get("project"), Actor: query.Get("actor"), Kind: query.Get("kind"), From: query.Get("from"), To: query.Get("to")}
	f.Narrowed = f.Project+f.Actor+f.Kind+f.From+f.To != ""
	skip, _ := strconv.Atoi(query.Get("skip"))
	skip = max(0, skip)
	data := storyData{Lines: []line{}, Filter: f}
	for i := range q.passing(f) {
		if data.Total >= skip && len(data.Lines) < lines {
			data.Lines = append(data.Lines, q.line(i))
		}
		data.Total++
	}
	data.First, data.Last = min(skip+1, data.Total), skip+len(data.Lines)
	at := func(skip int) string {
		query := maps.Clone(query)
		query.Del("skip")
		if skip > 0 {
			query.Set("skip", strconv.Itoa(skip))
		}
		return "?" + query.Encode()
	}
	if skip > 0 {
		data.Newer = at(max(0, skip-lines))
	}
	if data.Last < data.Total {
		data.Older = at(data.Last)
	}
	q.offer(&data.Filter)
	return &answer{"story", q.lang.text("story.title"), data}, nil
}

// passing yields the indices of the statements that the person hears of and that
// a filter lets through, the latest first.
func (q *request) passing(f filter) func(func(int) bool) {
	visible := q.visible()
	from, _ := time.Parse(time.DateOnly, f.From)
	to, err := time.Parse(time.DateOnly, f.To)
	if err == nil {
		to = to.AddDate(0, 0, 1)
	}
	return func(yield func(int) bool) {
		for i := range slices.Backward(q.story.told) {
			t := &q.story.told[i]
			switch {
			case f.Project != "" && t.project != f.Project, f.Actor != "" && t.actor != f.Actor, f.Kind != "" && t.kind != f.Kind:
			case t.time.Before(from), !to.IsZero() && !t.time.Before(to), !q.hears(t, visible):
			default:
				if !yield(i) {
					return
				}
			}
		}
	}
}

// offer fills what the filter's fields let choose from.
func (q *request) offer(f *filter) {
	f.Projects = slices.Sorted(maps.Keys(q.visible()))
	if q.everything() {
		f.Actors = slices.Sorted(maps.Keys(q.state.Parties))
	}
	for _, kind := range ledger.Kinds() {
		f.Kinds = append(f.Kinds, choice{kind, q.lang.text("kind." + kind), kind == f.Kind})
	}
	slices.SortFunc(f.Kinds, func(a, b choice) int { return bytes.Compare([]byte(a.Text), []byte(b.Text)) })
}

func (q *request) line(i int) line {
	t := &q.story.told[i]
	return line{i, t.time, t.actor, t.kind, t.project, q.tell(t.statement)}
}

// latest are the last statements that the person hears of.
func (q *request) latest(n int) (lines []line) {
	for i := range q.passing(filter{}) {
		if lines = append(lines, q.line(i)); len(lines) == n {
			break
		}
	}
	return lines
}

// about are the last statements about a project.
func (q *request) about(project string, n int) (lines []line) {
	for i := range q.passing(filter{Project: project}) {
		if lines = append(lines, q.line(i)); len(lines) == n {
			break
		}
	}
	return lines
}

// statementData is a statement's page.
type statementData struct {
	line
	Role      string          `json:"role"`
	Statement json.RawMessage `json:"statement"`
	Text      string          `json:"-"` // the statement, indented
	Key       string          `json:"key"`
	Previous  string          `json:"-"`
	Next      string          `json:"-"`
	Receipt   *ledger.Receipt `json:"receipt"`
	Hashes    int             `json:"-"`
	Origin    string          `json:"-"`
	Size      uint64          `json:"-"`
}

func (p *Portal) statement(q *request) (*answer, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	i, err := strconv.Atoi(q.PathValue("index"))
	if err != nil || i < 0 || i >= len(q.story.told) || !q.hears(&q.story.told[i], q.visible()) {
		return nil, errNotFound
	}
	s := q.story.told[i].statement
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, text, "", "  "); err != nil {
		return nil, err
	}
	actor := q.state.Parties[s.Actor]
	data := statementData{line: q.line(i), Role: q.lang.text("role." + string(actor.Role)), Statement: text, Text: pretty.String(), Key: actor.Signing.String()}
	return &answer{"statement", q.lang.text("statement.title", "index", i), data}, nil
}

// verifyData is what the verifier in the browser begins with.
type verifyData struct {
	Key string `json:"ledger_key"`
}

func (p *Portal) verify(q *request) (*answer, error) {
	if err := q.overseeing(); err != nil {
		return nil, err
	}
	return &answer{"verify", q.lang.text("verify.title"), verifyData{p.w.Config.LedgerKey}}, nil
}

// tiles are the files of the log that can be read: C2SP tlog-tiles.
var tiles = regexp.MustCompile(`^(checkpoint|tile/([0-9]{1,2}|entries)/(x[0-9]{3}/)*[0-9]{3}(\.p/[0-9]{1,3})?)$`)

// tlog serves the log's own files to those who may read all of it.
func (p *Portal) tlog(w http.ResponseWriter, r *http.Request) {
	name := path.Clean(r.PathValue("path"))
	status, _ := p.ask(r, func(q *request) (*answer, error) { return &answer{}, q.overseeing() }, func(*bytes.Buffer, *request, *answer) error { return nil })
	switch {
	case status != http.StatusOK:
		http.Error(w, http.StatusText(status), status)
		return
	case !tiles.MatchString(name):
		http.NotFound(w, r)
		return
	}
	content, err := os.ReadFile(filepath.Join(p.w.Dir, "ledger", filepath.FromSlash(name)))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if name == "checkpoint" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content)
}
