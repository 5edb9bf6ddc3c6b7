package portal

import (
	"bytes"
	"context"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"rempart.eu/rempart/airlock"
	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/words"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/warehouse"
)

// What researchers and checkers do with an output beside deciding: read the code, see what
// would make it pass, have it changed, comment, take it, and fetch what was released.

// remark is a comment, or who was handed an output.
type remark struct {
	Actor string    `json:"actor"`
	Time  time.Time `json:"time"`
	Text  string    `json:"text"`
}

// queueOf tells what has happened to an output beside its decision.
func (q *request) queueOf(o *governance.Output, data *outputData) {
	p, ok := q.state.Projects.Get(o.Run.Project)
	if !ok {
		return
	}
	data.Comments, data.Deliveries = []remark{}, []remark{}
	done := o.Handled()
	for _, c := range done.Comments {
		data.Comments = append(data.Comments, remark{c.Actor, c.Time, words.Plain(c.Text)})
	}
	for _, d := range done.Deliveries {
		data.Deliveries = append(data.Deliveries, remark{d.Party, d.Time, q.lang.Text("output.by_" + d.Means)})
	}
	data.From, data.Method, data.By, data.Commit = done.From, done.Method, done.By, o.Run.Commit
	data.Within = p.Spec.WithinDays()
	researcher := q.party.Role == governance.Researcher && slices.Contains(p.Spec.Researchers, q.party.Name)
	checker := q.checks(p, o)
	data.MayComment = researcher || checker
	data.MayTake = checker && o.Asks() && done.Checker != q.party.Name
	data.MayChange = researcher && !o.Released && disclosure.MethodsFor(o.Name) != nil
	data.MaySuggest = data.MayChange || checker && !o.Released && disclosure.MethodsFor(o.Name) != nil
	data.MayFetch = researcher && q.state.Deliverable(o, q.party.Name) == nil
}

// outputAsked is the output of the path, if the person may know of it.
func (q *request) outputAsked() (*governance.Output, error) {
	if err := q.loggedIn(); err != nil {
		return nil, err
	}
	o, ok := q.state.Outputs.Get(q.PathValue("output"))
	if !ok || !q.seesOutput(o) {
		return nil, errNotFound
	}
	return o, nil
}

// airlock registers the routes.
func (p *Portal) airlock() {
	p.fromHost("/outputs/{output}/code", p.code)
	p.fromHost("/outputs/{output}/suggest", p.suggest)
	p.acts("/outputs/{output}/change", requesting, func(q *request, form url.Values) (ledger.Body, error) {
		o, err := q.outputAsked()
		if err != nil {
			return nil, err
		}
		method := form.Get("method")
		if !slices.Contains(disclosure.Methods(), disclosure.Method(method)) {
			return nil, &wrongError{q.lang.Text("suggest.no_method")}
		}
		return &ledger.OutputChangeRequested{Change: warehouse.NewID("c"), Output: o.Output.Output, Method: method}, nil
	})
	p.acts("/outputs/{output}/comment", requesting, func(q *request, form url.Values) (ledger.Body, error) {
		o, err := q.outputAsked()
		if err != nil {
			return nil, err
		}
		text := strings.TrimSpace(form.Get("text"))
		if text == "" || len([]rune(text)) > governance.MaxComment || strings.ContainsAny(text, "\r\n") {
			return nil, &wrongError{q.lang.Text("output.no_comment", "n", governance.MaxComment)}
		}
		return &ledger.OutputCommented{Output: o.Output.Output, Text: text}, nil
	})
	p.acts("/outputs/{output}/assign", deciding, func(q *request, form url.Values) (ledger.Body, error) {
		o, err := q.outputAsked()
		if err != nil {
			return nil, err
		}
		to := form.Get("checker")
		if to == "" {
			to = q.party.Name
		}
		return &ledger.OutputAssigned{Output: o.Output.Output, Checker: to}, nil
	})
	p.HandleFunc("POST /outputs/{output}/download", p.download(false))
	p.HandleFunc("POST /api/v1/outputs/{output}/download", p.download(true))
}

// acted is what programs send in place of a form.
type acted struct {
	Method  string `json:"method,omitempty"`  // of a change: suppress, merge, round or strip
	Text    string `json:"text,omitempty"`    // of a comment
	Checker string `json:"checker,omitempty"` // who takes it; oneself where it is empty
}

// acts registers what is answered with a statement to sign, to people and to programs.
func (p *Portal) acts(path, scope string, make func(*request, url.Values) (ledger.Body, error)) {
	made := func(q *request, form url.Values) (ledger.Body, error) {
		body, err := make(q, form)
		if err == nil {
			err = q.may(body)
		}
		return body, err
	}
	p.form("POST "+path, func(q *request) (*answer, error) {
		body, err := made(q, q.PostForm)
		if err != nil {
			return nil, err
		}
		return q.toSign(body, "/outputs/"+q.PathValue("output"), "")
	})
	p.prepare("POST /api/v1"+path, scope, func(q *request) (ledger.Body, error) {
		var in acted
		if err := q.take(&in); err != nil {
			return nil, err
		}
		return made(q, url.Values{"method": {in.Method}, "text": {in.Text}, "checker": {in.Checker}})
	})
}

// codeData is the code that made an output, beside what was released last.
type codeData struct {
	Output string `json:"-"`
	*airlock.Context
}

// code shows the code that made an output.
func (p *Portal) code(q *request) (later, error) {
	o, err := q.outputAsked()
	if err != nil {
		return nil, err
	}
	id := o.Output.Output
	return func(ctx context.Context) (func(*request) (*answer, error), error) {
		code, err := airlock.ContextOf(ctx, p.w, id)
		return func(q *request) (*answer, error) {
			return &answer{"code", q.lang.Text("output.code_title"), codeData{id, code}}, nil
		}, err
	}, nil
}

// suggestData is what each method would make of an output.
type suggestData struct {
	Output    string       `json:"output"`
	Methods   []methodData `json:"methods"`
	MayChange bool         `json:"-"`
}

// suggest shows what each method would make of an output, to who may have it changed, or
// decides on it.
func (p *Portal) suggest(q *request) (later, error) {
	o, err := q.outputAsked()
	if err != nil {
		return nil, err
	}
	var about outputData
	if q.queueOf(o, &about); !about.MaySuggest {
		return nil, errNotFound
	}
	id := o.Output.Output
	return func(ctx context.Context) (func(*request) (*answer, error), error) {
		all, err := airlock.Suggest(ctx, p.w, id)
		return func(q *request) (*answer, error) {
			return &answer{"suggest", q.lang.Text("suggest.title"), suggestData{id, q.methodsOf(all), about.MayChange}}, nil
		}, err
	}, nil
}

// methodData is what one method would make of it.
type methodData struct {
	Method  string      `json:"method"` // suppress, merge, round or strip
	Places  []placeData `json:"places"`
	Refused bool        `json:"refused"` // the check would refuse what comes of it
	Still   []string    `json:"still"`   // what it would find to refuse
	Told    []string    `json:"-"`       // the same in the reader's language
}

// placeData is a place that would change.
type placeData struct {
	Line  int    `json:"line"` // 0 where the file as a whole changes
	Field string `json:"field,omitempty"`
	Code  string `json:"code"`
	What  string `json:"what"`
	Told  string `json:"-"` // the same in the reader's language
}

func (q *request) methodsOf(all []*disclosure.Suggestion) []methodData {
	methods := []methodData{}
	for _, s := range all {
		m := methodData{Method: string(s.Method), Places: []placeData{}, Refused: s.Report.Verdict == disclosure.Refused, Still: []string{}}
		for _, c := range s.Changes {
			m.Places = append(m.Places, placeData{c.Line, c.Field, c.Code, c.What, disclosure.SayChange(q.lang.Language, c)})
		}
		for _, f := range s.Report.Findings {
			if f.Severity == disclosure.Refuse {
				m.Still, m.Told = append(m.Still, f.Message), append(m.Told, f.Say(q.lang.Language))
			}
		}
		methods = append(methods, m)
	}
	return methods
}

// download hands a released output to the researcher who is logged in, with its receipt,
// once: the ledger says so first.
func (p *Portal) download(program bool) func(http.ResponseWriter, *http.Request) {
	write, scope, may := writePage, reading, (*request).ownForm
	if program {
		write, scope, may = writeJSON, requesting, (*request).program
	}
	return func(w http.ResponseWriter, r *http.Request) {
		var who, id string
		status, body := p.ask(r, scope, func(q *request) (*answer, error) {
			if err := may(q); err != nil {
				return nil, err
			}
			o, err := q.outputAsked()
			if err != nil {
				return nil, err
			}
			who, id = q.party.Name, o.Output.Output
			return &answer{}, q.state.Deliverable(o, who)
		}, onlyFaults(write))
		if status == http.StatusOK {
			d, err := airlock.Deliver(r.Context(), p.w, who, id, airlock.ByPortal)
			var packed []byte
			if err == nil {
				packed, err = d.Zip()
			}
			if err == nil {
				w.Header().Set("Content-Type", "application/zip")
				w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(id) + ".zip"}))
				w.Header().Set("X-Statement", fmt.Sprint(d.Entry))
				send(w, http.StatusOK, bytes.NewBuffer(packed))
				return
			}
			status, body = p.ask(r, scope, func(*request) (*answer, error) { return nil, err }, write)
		}
		if program {
			p.sendJSON(w, status, scope, &body)
			return
		}
		p.sendPage(w, r, status, &body)
	}
}
