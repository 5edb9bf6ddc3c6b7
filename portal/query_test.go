package portal

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/project"
	"rempart.eu/rempart/project/query"
	"rempart.eu/rempart/warehouse"
)

// TestAnAuthorisationThatHasEndedAnswersNothing: the portal asks the clock at each question.
func TestAnAuthorisationThatHasEndedAnswersNothing(t *testing.T) {
	p := portalOf(t, copyOf(t))
	p.w.Now = func() time.Time { return time.Date(2026, 12, 21, 0, 0, 0, 0, time.UTC) }
	p.w.Config.Host.Name = "far-cloud" // where the warehouse lies; nothing is read there
	answer := post(t, p, "carol", "/projects/grippe/query", url.Values{"csrf": {"token-of-carol"}, "sql": {"SELECT count(*) FROM person"}})
	if body := answer.Body.String(); !strings.Contains(body, "the authorisation of project grippe ended on 2026-12-20") || strings.Contains(body, `id="answer"`) {
		t.Errorf("status %d: %s", answer.Code, body)
	}
}

// A program asks as its owner does on the page: the same researcher, project, history and rules; each token is
// a session of its own; and with no other token than one that is for asking.
func TestAProgramAsksASpace(t *testing.T) {
	p := portalOf(t, copyOf(t))
	var asked []project.Question
	p.asks = func(_ context.Context, _ *warehouse.Warehouse, q project.Question) (*project.Answered, error) {
		asked = append(asked, q)
		if strings.Contains(q.Text, "*") && !strings.Contains(q.Text, "count") {
			return nil, &governance.Refusal{Reason: "* asks for rows: none are shown", Remedy: "Ask for counts and summaries of groups"}
		}
		n := 12_345.0
		return &project.Answered{Number: len(asked), Release: "r-2026-03", QuestionsLeft: 499, NumbersLeft: 1999, Answer: &query.Answer{Columns: []string{"persons"}, Rows: [][]query.Value{{{Number: &n}}}}}, nil
	}
	scopes := map[string]*Person{
		"asks": {Party: "alice", Scopes: []string{"ask"}}, "reads": {Party: "alice", Scopes: []string{"read", "request", "decide"}},
		"elsewhere": {Party: "alice", Scopes: []string{"ask"}, Projects: []string{"grippe"}}, "stranger": {Party: "carol", Scopes: []string{"ask"}},
		"officer": {Party: "diane", Scopes: []string{"ask"}}, "browser": {Party: "alice", Token: "token-of-alice"},
	}
	p.sessions = byToken(scopes)
	count := `{"sql": "SELECT count(*) AS persons FROM person"}`
	for _, c := range []struct {
		who, body, kind string
		want            int
	}{
		{"asks", count, "application/json", http.StatusOK}, {"asks", `{"sql": "SELECT * FROM person"}`, "application/json", http.StatusConflict},
		{"asks", `{"sql": "x", "project": "grippe"}`, "application/json", http.StatusBadRequest}, {"asks", "sql=SELECT", "application/x-www-form-urlencoded", http.StatusBadRequest},
		{"reads", count, "application/json", http.StatusForbidden}, {"elsewhere", count, "application/json", http.StatusNotFound}, {"stranger", count, "application/json", http.StatusNotFound},
		{"officer", count, "application/json", http.StatusNotFound}, {"browser", count, "application/json", http.StatusForbidden}, {"", count, "application/json", http.StatusUnauthorized},
	} {
		before := len(asked)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/projects/pneumonia/query", strings.NewReader(c.body))
		r.Header.Set("Content-Type", c.kind)
		r.Header.Set("Authorization", "Bearer "+c.who)
		answer := httptest.NewRecorder()
		p.ServeHTTP(answer, r)
		if answer.Code != c.want {
			t.Errorf("%s sends %s: status %d, want %d: %s", c.who, c.body, answer.Code, c.want, answer.Body)
		}
		if wants := c.want == http.StatusOK || c.want == http.StatusConflict; (len(asked) > before) != wants {
			t.Errorf("%s sends %s: %d questions reached the space", c.who, c.body, len(asked)-before)
		}
		if c.want == http.StatusOK && !strings.Contains(answer.Body.String(), `"number":12345`) || c.want == http.StatusConflict && !strings.Contains(answer.Body.String(), "counts and summaries") {
			t.Errorf("%s is told %s", c.who, answer.Body)
		}
	}
	for _, q := range asked {
		if q.Project != "pneumonia" || q.Researcher != "alice" || q.Session != asked[0].Session || len(q.Session) != 10 {
			t.Errorf("asked %+v", q)
		}
	}
}

// Who reads what was asked.
func TestWhoReadsTheQuestions(t *testing.T) {
	p := portalOf(t, copyOf(t))
	p.history = questioned
	for who, want := range map[string]int{"alice": http.StatusOK, "diane": http.StatusOK, "chu": http.StatusOK, "carol": http.StatusNotFound, "bob": http.StatusNotFound, "": http.StatusSeeOther} {
		answer := get(t, p, who, "/projects/pneumonia/questions")
		if answer.Code != want || (want == http.StatusOK) != strings.Contains(answer.Body.String(), "asks for rows") || strings.Contains(answer.Body.String(), "<script>alert") {
			t.Errorf("%q: status %d, want %d", who, answer.Code, want)
		}
	}
}

// questioned is a history of questions.
func questioned(context.Context, *warehouse.Warehouse, string, string) ([]project.Asked, error) {
	return []project.Asked{
		{Number: 1, Time: today, Researcher: "alice", Text: "SELECT count(*) FROM person", Release: "r-2026-03", Numbers: 1},
		{Number: 2, Time: today, Researcher: "alice", Text: "SELECT * FROM person WHERE '" + evil + "' = ''", Release: "r-2026-03", Refused: "* asks for rows: none are shown"},
	}, nil
}

// byToken says who asks by the token that is sent.
type byToken map[string]*Person

func (b byToken) Who(r *http.Request) *Person {
	return b[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
}
