package ledger_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"rempart.eu/rempart/ledger"
)

// theirs lets a DSSE library verify with our key.
type theirs struct{ ledger.PublicKey }

func (theirs) Public() crypto.PublicKey { return nil }

func sealed(t *testing.T, key ledger.Key, reason string) []byte {
	t.Helper()
	s, err := ledger.New("bob", time.Unix(1700000000, 0), ledger.OutputRefused{Output: "s-1-1", Reason: reason})
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := ledger.Seal(t.Context(), s, key)
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

// The envelope is DSSE's: its own library reads and verifies it.
func TestTheEnvelopeIsThatOfDSSE(t *testing.T) {
	key, err := ledger.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	var e dsse.Envelope
	if err := json.Unmarshal(sealed(t, key, "trop <petit> & « fin » \u2028"), &e); err != nil {
		t.Fatal(err)
	}
	verifier, err := dsse.NewEnvelopeVerifier(theirs{key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verifier.Verify(context.Background(), &e); err != nil {
		t.Error(err)
	}
	payload, err := e.DecodeB64Payload()
	const want = `{"actor":"bob","body":{"output":"s-1-1","reason":"trop <petit> & « fin » ` + "\u2028" + `"},"kind":"output-refused","time":"2023-11-14T22:13:20Z","version":1}`
	if err != nil || string(payload) != want {
		t.Errorf("the statement is %s, want %s", payload, want)
	}
}

// There is one text for a statement, and one for its envelope: another that means
// the same is refused, so that nobody can sign one and show the other.
func TestAStatementHasOneForm(t *testing.T) {
	key, err := ledger.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	good := string(sealed(t, key, "r"))
	if _, err := ledger.Read([]byte(good)); err != nil {
		t.Fatal(err)
	}
	var e struct {
		Payload     []byte          `json:"payload"`
		PayloadType string          `json:"payloadType"`
		Signatures  json.RawMessage `json:"signatures"`
	}
	if err := json.Unmarshal([]byte(good), &e); err != nil {
		t.Fatal(err)
	}
	with := func(old, now string) string {
		changed := strings.Replace(string(e.Payload), old, now, 1)
		if changed == string(e.Payload) {
			t.Fatalf("%q is not in %s", old, e.Payload)
		}
		return strings.Replace(good, base64.StdEncoding.EncodeToString(e.Payload), base64.StdEncoding.EncodeToString([]byte(changed)), 1)
	}
	for name, text := range map[string]string{
		"a space in the envelope":     strings.Replace(good, ",", ", ", 1),
		"text after the envelope":     good + " ",
		"another order":               `{"payloadType":"` + e.PayloadType + `","payload":"` + base64.StdEncoding.EncodeToString(e.Payload) + `","signatures":` + string(e.Signatures) + `}`,
		"a name twice":                strings.Replace(good, `{"payload"`, `{"payload":"e30=","payload"`, 1),
		"an unknown name":             strings.Replace(good, `{"payload"`, `{"a":1,"payload"`, 1),
		"base64 with a line's end":    strings.Replace(good, `{"payload":"`, `{"payload":"\n`, 1),
		"another type":                strings.Replace(good, "statement+json", "statement+JSON", 1),
		"a space in the statement":    with(`,`, `, `),
		"an escape":                   with(`"r"`, `"\u0072"`),
		"a number in another form":    with(`"version":1`, `"version":1.0`),
		"names in another order":      with(`"output":"s-1-1","reason":"r"`, `"reason":"r","output":"s-1-1"`),
		"a name twice, in the body":   with(`"reason":"r"`, `"reason":"q","reason":"r"`),
		"an unknown name, beside it":  with(`"version":1`, `"version":1,"x":1`),
		"a name of another case":      with(`"actor"`, `"Actor"`),
		"bytes that are no UTF-8":     with(`"r"`, "\"\xff\""),
		"no version":                  with(`,"version":1`, ``),
		"a time of another precision": with(`20Z`, `20.0Z`),
		"a time of another zone":      with(`22:13:20Z`, `23:13:20+01:00`),
	} {
		if s, err := ledger.Read([]byte(text)); err == nil {
			if body, err := s.Decode(); err == nil {
				t.Errorf("%s: read as %v", name, body)
			}
		}
	}
	for name, text := range map[string]string{"of a later version": with(`"version":1`, `"version":2`), "of an unknown kind": with("output-refused", "output-refusee"), "with an unknown field": with(`"reason":"r"`, `"reason":"r","why":""`)} {
		s, err := ledger.Read([]byte(text))
		if err != nil {
			t.Errorf("a statement %s cannot be shown: %v", name, err)
		}
		if _, err := s.Decode(); err == nil {
			t.Errorf("a statement %s was understood", name)
		}
	}
}

// A checker finds each signature that is not its key's, wherever it is in a batch.
func TestTheCheckerFindsEachWrongSignature(t *testing.T) {
	key, err := ledger.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	other, err := ledger.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	checker := ledger.NewChecker()
	good, foreign := sealed(t, key, "r"), sealed(t, other, "r")
	sig := bytes.Index(good, []byte(`"sig":"`)) + 20
	damaged := bytes.Clone(good)
	damaged[sig] = map[bool]byte{true: 'A', false: 'B'}[damaged[sig] != 'A']
	wrong := map[uint64][]byte{0: foreign, 511: damaged, 2048: foreign, 2099: damaged}
	for i := range uint64(2100) {
		text := good
		if bad, is := wrong[i]; is {
			text = bad
		}
		e, err := ledger.NewEntry(i, text)
		if err != nil {
			t.Fatal(err)
		}
		if (e.VerifyBy(key.Public()) == nil) == (wrong[i] != nil) {
			t.Errorf("entry %d by itself", i)
		}
		checker.Add(e, key.Public())
	}
	faults := checker.Wait()
	if len(faults) != len(wrong) {
		t.Errorf("%d faults, want %d: %v", len(faults), len(wrong), faults)
	}
}
