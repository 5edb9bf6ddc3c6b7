package portal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/register"
)

// line is a statement in the story.
type line struct {
	Index   uint64    `json:"index"`
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
	for index := range q.passing(f.query()) {
		if data.Total >= skip && len(data.Lines) < lines {
			l, err := q.line(index)
			if err != nil {
				return nil, err
			}
			data.Lines = append(data.Lines, l)
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
	return &answer{"story", q.lang.Text("story.title"), data}, nil
}

// query is what the register is asked for.
func (f *filter) query() register.Query {
	q := register.Query{Project: f.Project, Party: f.Actor}
	if f.Kind != "" {
		q.Kinds = []string{f.Kind}
	}
	q.From, _ = time.Parse(time.DateOnly, f.From)
	if to, err := time.Parse(time.DateOnly, f.To); err == nil {
		q.Until = to.AddDate(0, 0, 1)
	}
	return q
}

// passing yields the numbers of the statements that are looked for and that the
// person hears of, the latest first.
func (q *request) passing(query register.Query) iter.Seq[uint64] {
	found := q.told.Backward(query)
	if q.everything() {
		return found
	}
	visible := q.visible()
	return func(yield func(uint64) bool) {
		for index := range found {
			if q.hears(q.told.Row(index), visible) && !yield(index) {
				return
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
		f.Kinds = append(f.Kinds, choice{kind, q.lang.kind(kind), kind == f.Kind})
	}
	slices.SortFunc(f.Kinds, func(a, b choice) int { return bytes.Compare([]byte(a.Text), []byte(b.Text)) })
}

// read reads a statement from the log, or from what was read lately: it never changes.
func (q *request) read(index uint64) (ledger.Entry, error) {
	if e, ok := q.lately.Get(index); ok {
		return e, nil
	}
	e, err := q.log.Entry(q.Context(), index)
	if err == nil {
		q.lately.Add(index, e)
	}
	return e, err
}

// line tells a statement.
func (q *request) line(index uint64) (line, error) {
	e, err := q.read(index)
	row := q.told.Row(index)
	return line{row.Index, row.Time, row.Actor, row.Kind, row.Project, q.tell(e.Statement)}, err
}

// latest are the last statements that are looked for and that the person hears of.
func (q *request) latest(query register.Query, n int) (lines []line, err error) {
	for index := range q.passing(query) {
		l, err := q.line(index)
		if err != nil {
			return nil, err
		}
		if lines = append(lines, l); len(lines) == n {
			break
		}
	}
	return lines, nil
}

// statementData is a statement's page.
type statementData struct {
	line
	Role      string           `json:"role"`
	Statement ledger.Statement `json:"statement"`
	Text      string           `json:"-"` // the statement, indented
	Key       string           `json:"key"`
	Passkey   string           `json:"passkey,omitempty"` // the name of the one that signed
	Older     string           `json:"-"`
	Newer     string           `json:"-"`
	Verifier  verifier         `json:"-"`
	Done      bool             `json:"-"`     // it was recorded just now
	Waits     bool             `json:"waits"` // for a second person
	Second    string           `json:"-"`     // where the person countersigns it, or ""
	Review    string           `json:"-"`     // where the person reviews an emergency, or ""
}

// entry is the statement of the request's path, if the person hears of it.
func (q *request) entry() (e ledger.Entry, row register.Row, err error) {
	if err := q.loggedIn(); err != nil {
		return e, row, err
	}
	index, err := strconv.ParseUint(q.PathValue("index"), 10, 64)
	if err != nil || index >= q.told.Len() {
		return e, row, errNotFound
	}
	if row = q.told.Row(index); !q.hears(row, q.visible()) {
		return e, row, errNotFound
	}
	e, err = q.read(index)
	return e, row, err
}

func (p *Portal) statement(q *request) (*answer, error) {
	e, row, err := q.entry()
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(e.Statement, "", "  ")
	if err != nil {
		return nil, err
	}
	actor := q.state.Parties[e.Statement.Actor]
	data := statementData{
		line:      line{row.Index, row.Time, row.Actor, row.Kind, row.Project, q.tell(e.Statement)},
		Role:      q.lang.Text("role." + string(actor.Role)),
		Statement: e.Statement, Text: string(text), Key: actor.Signing.String(),
		Verifier: q.verifier(q.lang.Text("statement.verify"), fmt.Sprint(e.Index)),
	}
	id, err := ledger.PasskeyOf(e.Envelope)
	if err != nil {
		return nil, err
	}
	if key, ok := q.state.People.Passkeys[id]; ok {
		data.Passkey = key.Name
	}
	data.Done = q.URL.Query().Get("done") != ""
	_, data.Waits = q.state.People.Waiting[e.Index]
	for _, w := range q.state.WaitingFor(q.party.Name, q.now) {
		if w.Index == e.Index {
			data.Second = fmt.Sprintf("/ledger/%d/countersign", e.Index)
		}
	}
	for _, emergency := range q.state.Unreviewed() {
		if emergency.Index == e.Index && q.party.Role == governance.Officer {
			data.Review = "/emergencies/" + emergency.Emergency + "/review"
		}
	}
	if e.Index > 0 {
		data.Older = fmt.Sprintf("/ledger/%d", e.Index-1)
	}
	if e.Index+1 < q.told.Len() {
		data.Newer = fmt.Sprintf("/ledger/%d", e.Index+1)
	}
	return &answer{"statement", q.lang.Text("statement.title", "index", e.Index), data}, nil
}

// receipt proves a statement, behind those that made its actor's keys known.
func (p *Portal) receipt(q *request) (*answer, error) {
	e, _, err := q.entry()
	if err != nil {
		return nil, err
	}
	before := []uint64{q.state.Parties[e.Statement.Actor].Index}
	for _, key := range q.state.People.Passkeys {
		if key.Party == e.Statement.Actor {
			before = append(before, key.Index)
		}
	}
	slices.Sort(before)
	var proved []ledger.Entry
	for _, index := range before {
		if index >= e.Index {
			continue
		}
		key, err := q.read(index)
		if err != nil {
			return nil, err
		}
		proved = append(proved, key)
	}
	receipt, err := q.log.Prove(q.Context(), nil, append(proved, e))
	return &answer{data: receipt}, err
}

// consistency proves that the ledger of ?to= statements goes on from that of
// ?from=: the hashes of RFC 6962, section 2.1.2.
func (p *Portal) consistency(q *request) (*answer, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	from, err1 := strconv.ParseUint(q.URL.Query().Get("from"), 10, 64)
	to, err2 := strconv.ParseUint(q.URL.Query().Get("to"), 10, 64)
	if err1 != nil || err2 != nil || from == 0 || from > to || to > q.told.Len() {
		return nil, errNotFound
	}
	builder, err := client.NewProofBuilder(q.Context(), to, q.log.Tile)
	if err != nil {
		return nil, err
	}
	hashes, err := builder.ConsistencyProof(q.Context(), from, to)
	if hashes == nil {
		hashes = [][]byte{}
	}
	return &answer{data: hashes}, err
}

// verifier is what the verifier in the browser begins with.
type verifier struct {
	Key   string // of the ledger's checkpoints
	Index string // of the one statement to verify; "" is the whole ledger
	Do    string // what the button says

	Witnesses []witnessLine     // who vouches for the ledger now
	Keys      string            // of the witnesses, as JSON
	Threshold int               // how many of them must have cosigned
	Texts     map[string]string // what it may say
}

func (q *request) verifier(do, index string) verifier {
	v := verifier{Key: q.log.Key(), Index: index, Do: do, Texts: map[string]string{}}
	keys := []string{}
	if n := len(q.state.Witnessing); n > 0 {
		now := q.state.Witnessing[n-1]
		v.Threshold = now.Threshold
		for _, w := range now.Witnesses {
			name, _, _ := strings.Cut(w.Key, "+")
			v.Witnesses, keys = append(v.Witnesses, witnessLine{name, w.URL, w.Key}), append(keys, w.Key)
		}
	}
	if text, err := json.Marshal(keys); err == nil {
		v.Keys = string(text)
	}
	for key, text := range q.lang.Texts() {
		if name, ok := strings.CutPrefix(key, "verifier."); ok {
			v.Texts[name] = text
		}
	}
	return v
}

// witnessLine is a witness, and the key that its cosignatures are verified with.
type witnessLine struct {
	Name string `json:"name"`
	URL  string `json:"url"`
	Key  string `json:"key"`
}

// verifyData is the page of the verifier in the browser.
type verifyData struct {
	Key       string        `json:"ledger_key"`
	Witnesses []witnessLine `json:"witnesses"`
	Threshold int           `json:"threshold"` // how many of the witnesses must have cosigned
	Verifier  verifier      `json:"-"`
}

func (p *Portal) verify(q *request) (*answer, error) {
	if err := q.overseeing(); err != nil {
		return nil, err
	}
	v := q.verifier(q.lang.Text("verify.do"), "")
	return &answer{"verify", q.lang.Text("verify.title"), verifyData{v.Key, v.Witnesses, v.Threshold, v}}, nil
}

// tlog serves the log's own files (C2SP tlog-tiles) to those who may read all of it.
func (p *Portal) tlog(w http.ResponseWriter, r *http.Request) {
	status, content := p.ask(r, reading, func(q *request) (*answer, error) {
		if err := q.overseeing(); err != nil {
			return nil, err
		}
		content, err := q.tlogFile(q.PathValue("path"))
		return &answer{data: content}, err
	}, func(b *bytes.Buffer, _ *request, a *answer) error {
		if content, ok := a.data.([]byte); ok {
			b.Write(content)
		}
		return nil
	})
	if status != http.StatusOK {
		http.Error(w, http.StatusText(status), status)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if r.PathValue("path") == layout.CheckpointPath {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	send(w, http.StatusOK, &content)
}

// tlogFile reads a file of the log by its name there.
func (q *request) tlogFile(name string) ([]byte, error) {
	if name == layout.CheckpointPath {
		_, raw, err := q.log.Checkpoint(q.Context())
		return raw, err
	}
	if name == "cosigned" {
		_, raw, err := q.log.Cosigned(q.Context())
		return raw, err
	}
	rest, ok := strings.CutPrefix(name, "tile/")
	level, rest, found := strings.Cut(rest, "/")
	if !ok || !found {
		return nil, errNotFound
	}
	index, width, err := layout.ParseTileIndexPartial(rest)
	if err != nil {
		return nil, errNotFound
	}
	if level == "entries" {
		return q.log.Bundle(q.Context(), index, width)
	}
	l, err := layout.ParseTileLevel(level)
	if err != nil {
		return nil, errNotFound
	}
	return q.log.Tile(q.Context(), l, index, width)
}
