package audit

import (
	_ "embed"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"rempart.eu/rempart/internal/page"
	"rempart.eu/rempart/internal/words"
	"rempart.eu/rempart/ledger/tell"
)

//go:embed messages.toml
var reportTexts string

// Languages are those in which statements are told and reports are written.
var Languages = sync.OnceValue(func() map[string]*words.Language { return words.Load(tell.Catalogue, reportTexts) })

// writer writes a report in a language.
type writer struct {
	*Report
	l *words.Language
}

// Page is the report as one page, which prints well.
func (r *Report) Page(l *words.Language) page.Page {
	w := writer{r, l}
	title := l.Text("report.title", "project", r.Project, "period", r.Period.Name)
	if r.Project == "" {
		title = l.Text("report.title_all", "warehouse", r.Warehouse, "period", r.Period.Name)
	}
	p := page.Page{
		Lang: l.Code, Title: title,
		Lead:  l.Text("report.lead", "from", r.Period.From, "until", r.Period.Until.Add(-time.Second)),
		Facts: w.facts(),
		Foot:  l.Text("report.foot", "now", l.Moment(r.Now), "n", r.Ledger),
		Sections: []page.Section{
			w.activity(), w.authorisations(), w.access(), w.use(), w.outputs(),
		},
	}
	if r.Project == "" {
		p.Sections = append(p.Sections, w.rights())
	}
	p.Sections = append(p.Sections, w.exceptions(), w.incidents(), w.ahead())
	return p
}

func (w writer) facts() []page.Fact {
	fact := func(n any, name string) page.Fact {
		return page.Fact{Value: w.l.Number(n), Name: w.l.Text("fact."+name, "n", n)}
	}
	var persons int64
	for _, x := range w.Extractions {
		persons = max(persons, x.Persons)
	}
	asked, released, refused := 0, 0, 0
	for _, m := range w.Months {
		asked, released, refused = asked+m.Asked, released+m.Released, refused+m.Refused
	}
	facts := []page.Fact{
		fact(len(w.Authorisations), "authorisations"), fact(persons, "persons"), fact(len(w.Runs), "runs"),
		fact(asked, "asked"), fact(released, "released"), fact(refused, "refused"),
	}
	for _, s := range w.Service {
		if s.What == "output" && s.Count > 0 {
			facts = append(facts, page.Fact{Value: w.hours(s.Median), Name: w.l.Text("fact.hours")})
		}
	}
	facts = append(facts, fact(len(w.Emergencies), "emergencies"))
	if w.Project == "" {
		facts = append(facts, fact(w.Rights.InForce, "optouts"))
	}
	return append(facts, fact(w.Statements, "statements"))
}

// hours writes a length of time.
func (w writer) hours(h float64) string {
	if h >= 72 {
		return w.l.Decimal(h/24, 1) + "\u00a0" + map[string]string{"en": "days", "fr": "jours"}[w.l.Code]
	}
	return w.l.Decimal(h, 1) + "\u00a0h"
}

// shown is how many rows a table of a page has: --json has all of them.
const shown = 200

// table makes a table, or says that there is nothing in it. The header's names are
// of the group column.
func (w writer) table(caption, header string, rows [][]string, numbers ...int) page.Block {
	title := w.l.Text("table." + caption)
	if len(rows) == 0 {
		return page.Text(title + w.l.Text("report.colon") + w.l.Text("report.none"))
	}
	if len(rows) > shown {
		title = w.l.Text("report.latest", "caption", title, "n", shown, "all", len(rows))
		rows = rows[len(rows)-shown:]
	}
	t := page.Table{Caption: title, Rows: rows, Numbers: numbers}
	for name := range strings.FieldsSeq(header) {
		t.Header = append(t.Header, w.l.Text("column."+name))
	}
	for _, row := range rows {
		for i := range row {
			row[i] = words.Plain(row[i])
		}
	}
	return t
}

func (w writer) section(name, lead string, blocks ...page.Block) page.Section {
	s := page.Section{Title: w.l.Text("section." + name), Blocks: blocks}
	if lead != "" {
		s.Lead = w.l.Text("section." + lead)
	}
	return s
}

func (w writer) verdict(d *Decision, otherwise string) (verdict, by, when, reason, took string) {
	if d == nil {
		return w.l.Text("verdict." + otherwise), "–", "–", "–", "–"
	}
	return w.l.Text("verdict." + d.Verdict), d.Actor, w.l.Day(d.Time), d.Reason, w.hours(d.Hours)
}

func (w writer) activity() page.Section {
	decisions := page.Chart{Title: w.l.Text("chart.outputs"), Kind: page.Bars, Stack: true, Unit: w.l.Text("chart.decisions"), Format: w.whole,
		Series: []page.Series{{Name: w.l.Text("chart.released")}, {Name: w.l.Text("chart.refused")}}}
	use := page.Chart{Title: w.l.Text("chart.runs"), Kind: page.Bars, Unit: w.l.Text("chart.number"), Format: w.whole,
		Series: []page.Series{{Name: w.l.Text("chart.runs_name")}, {Name: w.l.Text("chart.mounts_name")}}}
	for _, m := range w.Months {
		label := w.l.Month(m.Month)
		decisions.Labels, use.Labels = append(decisions.Labels, label), append(use.Labels, label)
		for i, v := range []int{m.Released, m.Refused} {
			decisions.Series[i].Values = append(decisions.Series[i].Values, float64(v))
		}
		for i, v := range []int{m.Runs, m.Mounts} {
			use.Series[i].Values = append(use.Series[i].Values, float64(v))
		}
	}
	var rows [][]string
	for _, s := range w.Service {
		if s.Count > 0 {
			rows = append(rows, []string{w.l.Text("service." + s.What), w.l.Number(s.Count), w.hours(s.Median), w.hours(s.Longest), w.l.Number(s.Late)})
		}
	}
	blocks := []page.Block{use, decisions}
	if rows != nil {
		blocks = append(blocks, page.Table{Caption: w.l.Text("table.service"), Rows: rows, Numbers: []int{1, 2, 3, 4},
			Header: []string{w.l.Text("column.what"), w.l.Text("service.count"), w.l.Text("service.median"), w.l.Text("service.longest"), w.l.Text("service.late")}})
	}
	return w.section("activity", "", blocks...)
}

// whole writes a count; between two of them an axis says nothing.
func (w writer) whole(v float64) string {
	if v != math.Trunc(v) {
		return ""
	}
	return w.l.Number(int64(v))
}

func (w writer) authorisations() page.Section {
	var rows, versions [][]string
	for _, a := range w.Authorisations {
		basis := a.LegalBasis
		if a.Reference != "" {
			basis += " (" + a.Reference + ")"
		}
		rows = append(rows, []string{a.Project, a.Title, a.Purpose, basis, a.Controller, w.l.Text("verdict." + a.Status), w.l.Day(a.Ends.Add(-time.Second))})
		for _, v := range a.Versions {
			verdict, by, when, reason, took := w.verdict(v.Decision, "requested")
			if v.Why != "" {
				reason = v.Why + " / " + reason
			}
			versions = append(versions, []string{a.Project, w.l.Number(v.Number), v.Actor, w.l.Day(v.Time), verdict, by, when, took, reason})
		}
	}
	return w.section("authorisations", "authorisations_lead",
		w.table("authorisations", "project title purpose basis controller status ends", rows),
		w.table("versions", "project version actor asked decision checker decided hours reason", versions, 1, 7))
}

func (w writer) access() page.Section {
	var rows [][]string
	for _, a := range w.Access {
		rows = append(rows, []string{a.Project, a.Person, w.l.Number(a.Runs), w.l.Number(a.Mounts), w.l.Size(a.Bytes), w.l.Number(a.Released)})
	}
	return w.section("access", "access_lead", w.table("access", "project person runs mounts bytes released", rows, 2, 3, 4, 5))
}

func (w writer) use() page.Section {
	var given, runs, mounts [][]string
	for _, x := range w.Extractions {
		given = append(given, []string{w.l.Day(x.Time), x.Project, x.Release, w.l.Number(x.Persons), w.l.Number(x.Tables), w.l.Number(x.Rows), fmt.Sprint(x.Statement)})
	}
	for _, x := range w.Runs {
		outcome := tell.Outcome(w.l, x.Outcome)
		if x.Outcome == "" {
			outcome = w.l.Text("report.open")
		}
		runs = append(runs, []string{w.l.Moment(x.Time), x.Project, x.Actor, x.Name, x.Run, outcome, w.l.Decimal(x.Seconds, 1), w.l.Size(x.Bytes), w.l.Number(x.Outputs)})
	}
	for _, x := range w.Mounts {
		end := w.l.Text("report.open")
		if x.End != nil {
			end = w.l.Moment(*x.End)
		}
		mounts = append(mounts, []string{w.l.Moment(x.Time), x.What, x.Actor, end, w.l.Number(x.Files), w.l.Size(x.Bytes)})
	}
	return w.section("use", "",
		w.table("extractions", "time project release persons tables rows statement", given, 3, 4, 5, 6),
		w.table("runs", "time project actor code name outcome seconds bytes outputs", runs, 6, 7, 8),
		w.table("mounts", "time what actor end files bytes", mounts, 4, 5))
}

func (w writer) outputs() page.Section {
	var rows [][]string
	for _, o := range w.Outputs {
		otherwise := "waits"
		if o.Refused {
			otherwise = "disclosive"
		}
		verdict, by, when, reason, took := w.verdict(o.Decision, otherwise)
		if o.Decision != nil && o.Decision.Verdict == "refused" {
			verdict = w.l.Text("verdict.kept")
		}
		if o.Late {
			took += " " + w.l.Text("service.is_late")
		}
		rows = append(rows, []string{w.l.Day(o.Time), o.Project, o.Actor, o.Output, o.Name, verdict, by, when, strings.TrimSpace(took), reason})
	}
	return w.section("outputs", "outputs_lead", w.table("outputs", "asked project actor output name decision checker decided hours reason", rows, 8))
}

func (w writer) rights() page.Section {
	var rows [][]string
	for _, c := range []struct {
		name string
		n    int
	}{{"stated", w.Rights.Stated}, {"revoked", w.Rights.Revoked}, {"in_force", w.Rights.InForce}, {"waiting", w.Rights.Waiting}, {"asked", w.Rights.Asked}, {"answered", w.Rights.Answered}} {
		rows = append(rows, []string{w.l.Text("right." + c.name), w.l.Number(c.n)})
	}
	t := page.Table{Caption: w.l.Text("table.rights"), Header: []string{w.l.Text("column.measure"), w.l.Text("service.count")}, Rows: rows, Numbers: []int{1}}
	return w.section("rights", "rights_lead", t)
}

func (w writer) exceptions() page.Section {
	var derogations, emergencies [][]string
	for _, d := range w.Derogations {
		derogations = append(derogations, []string{d.Host, d.Actor, w.l.Day(d.Time), w.l.Day(d.Until), strings.Join(d.Conditions, "; "), d.Reason})
	}
	for _, e := range w.Emergencies {
		finding := w.l.Text("verdict.unreviewed")
		if e.Review != nil {
			finding = fmt.Sprintf("%s, %s: %s", w.l.Text("verdict."+e.Review.Verdict), e.Review.Actor, e.Review.Reason)
		}
		emergencies = append(emergencies, []string{w.l.Moment(e.Time), e.Project, e.Actor, w.l.Moment(e.Until), e.Reason, finding})
	}
	return w.section("exceptions", "",
		w.table("derogations", "host actor since until conditions reason", derogations),
		w.table("emergencies", "time project actor until reason finding", emergencies))
}

func (w writer) incidents() page.Section {
	var rows [][]string
	for _, i := range w.Incidents {
		rows = append(rows, []string{w.l.Moment(i.Time), i.Actor, i.Tells.String(), fmt.Sprint(i.Index)})
	}
	return w.section("incidents", "incidents_lead", w.table("incidents", "time actor what statement", rows, 3))
}

func (w writer) ahead() page.Section {
	var rows [][]string
	for _, e := range w.Ahead {
		rows = append(rows, []string{w.l.Day(e.Time), w.l.Text("end."+e.What, "name", e.Name), w.l.Number(int(e.Time.Sub(w.Now).Hours() / 24))})
	}
	return w.section("ahead", "", w.table("ahead", "time what days", rows, 2))
}
