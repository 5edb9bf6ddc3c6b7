package portal

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

// TestARefusalIsLogged: who was refused what, and why, and nothing of a visitor who
// is not logged in.
func TestARefusalIsLogged(t *testing.T) {
	p := open(t)
	var log bytes.Buffer
	p.log = slog.New(slog.NewTextHandler(&log, nil))
	if r := get(t, p, "alice", "/hosts"); r.Code != http.StatusForbidden {
		t.Fatalf("alice sees the hosts: %d", r.Code)
	}
	for _, part := range []string{"msg=refused", "party=alice", "role=researcher", "path=/hosts", "this role may not see it"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log has no %s:\n%s", part, log.String())
		}
	}
	log.Reset()
	get(t, p, "", "/hosts")
	if log.Len() > 0 {
		t.Errorf("of nobody the log says %s", log.String())
	}
}
