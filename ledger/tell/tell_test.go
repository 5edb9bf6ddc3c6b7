package tell_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/internal/golden"
	"rempart.eu/rempart/internal/words"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/tell"
)

var languages = words.Load(tell.Catalogue)

// told holds a statement of each kind and how it is told. UPDATE=1 writes it anew.
const told = "testdata/told.txt"

func TestEveryKindIsTold(t *testing.T) {
	var got strings.Builder
	for _, kind := range ledger.Kinds() {
		raw, err := json.Marshal(ledger.Empty(kind))
		if err != nil {
			t.Fatal(err)
		}
		s := ledger.Statement{Kind: kind, Actor: "carole", Time: time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC), Body: example(t, raw)}
		for _, code := range []string{"en", "fr"} {
			text := tell.Statement(languages[code], s).String()
			if strings.ContainsAny(text, "⟨{") || text == languages[code].Text("story.unknown", "kind", kind) {
				t.Errorf("%s is told as %q", kind, text)
			}
			fmt.Fprintf(&got, "%s %s: %s\n", kind, code, text)
			if !languages[code].Has("kind." + kind) {
				t.Errorf("the kind %s has no name", kind)
			}
		}
	}
	golden.Text(t, told, got.String())
}

// example fills the texts and numbers of a body.
func example(t *testing.T, raw []byte) json.RawMessage {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatal(err)
	}
	known := map[string]string{"role": "researcher", "step": "host-left", "statement": "key-destroyed", "method": "round", "means": "portal", "credential": "AAAA", "public_key": "AAAA"}
	for name, value := range fields {
		if name == "says" {
			fields[name] = ledger.KeyDestroyed{Key: "KEY", Reason: "REASON"}
			continue
		}
		text, isText := value.(string)
		_, isNumber := value.(float64)
		switch {
		case known[name] != "":
			fields[name] = known[name]
		case strings.HasPrefix(text, "0001-"):
			fields[name] = "2026-12-31T12:00:00Z"
		case isText:
			fields[name] = strings.ToUpper(name)
		case isNumber:
			fields[name] = 1234
		}
	}
	filled, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return filled
}

func TestAStatementOfANewerProgramIsToldByItsKind(t *testing.T) {
	if got := tell.Statement(languages["fr"], ledger.Statement{Kind: "moon-landed"}).String(); got != "a fait une déclaration de type moon-landed" {
		t.Error(got)
	}
}

func TestHowARunEndedIsTold(t *testing.T) {
	for outcome, want := range map[string]string{
		"done": "terminée", "could not be run": "impossible à lancer", "was ended by a signal": "interrompue par un signal",
		"went over its limit of memory": "limite dépassée\u00a0: memory", "failed with status 3": "échec, code de retour 3",
		"was stopped: its authorisation ended": "arrêtée\u00a0: its authorisation ended", "something new": "something new", "done for": "done for",
	} {
		if got := tell.Outcome(languages["fr"], outcome); got != want {
			t.Errorf("%s: %q, want %q", outcome, got, want)
		}
	}
}

func TestEveryTextIsInBothLanguagesAndUsed(t *testing.T) {
	for _, fault := range words.Check(tell.Catalogue) {
		t.Error(fault)
	}
	source, err := os.ReadFile("tell.go")
	if err != nil {
		t.Fatal(err)
	}
	for key := range languages["en"].Texts() {
		group, name, _ := strings.Cut(strings.TrimSuffix(key, ".one"), ".")
		known := group == "role" || group == "method" || group == "means" || regexp.MustCompile(`"`+group+`\.`+name+`"`).Match(source)
		for _, kind := range ledger.Kinds() {
			known = known || name == kind
		}
		if !known {
			t.Errorf("text %q is not used", key)
		}
	}
}
