package portal

import (
	"net/url"
	"strings"
	"testing"
	"time"
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
