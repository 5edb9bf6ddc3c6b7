package audit_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"rempart.eu/rempart/audit"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/passkeytest"
)

// evidence is a ledger of which statements are proven.
type evidence struct {
	t      *testing.T
	log    *ledger.Log
	signer note.Signer
	keys   map[string]ledger.Key
}

const hour = 1767225600

func newEvidence(t *testing.T, origin string) *evidence {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	v := &evidence{t: t, keys: map[string]ledger.Key{}}
	if v.signer, err = note.NewSigner(private); err != nil {
		t.Fatal(err)
	}
	if v.log, err = ledger.Open(filepath.Join(t.TempDir(), "ledger"), public); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"carole", "diane"} {
		if v.keys[name], err = ledger.NewKey(); err != nil {
			t.Fatal(err)
		}
	}
	v.say("carole", ledger.WarehouseCreated{Name: "test", Signing: v.keys["carole"].Public().String(), Checkpoint: public})
	v.say("carole", ledger.PartyAdded{Name: "diane", Role: "data-protection-officer", Signing: v.keys["diane"].Public().String()})
	return v
}

func (v *evidence) statement(actor string, body ledger.Body) ledger.Statement {
	v.t.Helper()
	s, err := ledger.New(actor, time.Unix(hour, 0), body)
	if err != nil {
		v.t.Fatal(err)
	}
	return s
}

func (v *evidence) say(actor string, body ledger.Body) uint64 {
	v.t.Helper()
	envelope, err := ledger.Seal(v.t.Context(), v.statement(actor, body), v.keys[actor])
	if err != nil {
		v.t.Fatal(err)
	}
	return v.append(envelope)
}

func (v *evidence) append(envelope []byte) uint64 {
	v.t.Helper()
	index, err := v.log.Append(v.t.Context(), envelope, v.signer)
	if err != nil {
		v.t.Fatal(err)
	}
	return index
}

func (v *evidence) prove(index uint64) (proof, envelope []byte) {
	v.t.Helper()
	proof, envelope, err := audit.Prove(v.t.Context(), v.log, index)
	if err != nil {
		v.t.Fatal(err)
	}
	return proof, envelope
}

// cosigned adds a witness's cosignature/v1 (https://c2sp.org/tlog-cosignature).
func cosigned(t *testing.T, proof []byte, name string) (cosigned []byte, vkey string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := append([]byte{4}, public...)
	id := sha256.Sum256(append([]byte(name+"\n"), key...))
	_, checkpoint, _ := bytes.Cut(proof, []byte("\n\n"))
	text := checkpoint[:bytes.LastIndex(checkpoint, []byte("\n\n"))+1]
	blob := binary.BigEndian.AppendUint64(bytes.Clone(id[:4]), hour)
	blob = append(blob, ed25519.Sign(private, append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", hour), text...))...)
	line := fmt.Sprintf("— %s %s\n", name, base64.StdEncoding.EncodeToString(blob))
	return append(bytes.Clone(proof), line...), fmt.Sprintf("%s+%08x+%s", name, id[:4], base64.StdEncoding.EncodeToString(key))
}

// python is one that has the package cryptography.
func python(t *testing.T) string {
	t.Helper()
	for _, python := range []string{filepath.Join(os.Getenv("REMPART_TEST_PYTHON"), "bin", "python"), "python3"} {
		if exec.CommandContext(t.Context(), python, "-c", "import cryptography").Run() == nil {
			return python
		}
	}
	t.Skip("no Python with the package cryptography: scripts/test sets REMPART_TEST_PYTHON")
	return ""
}

// verifier runs docs/verify.py.
type verifier struct {
	t           *testing.T
	python, dir string
}

func newVerifier(t *testing.T) verifier { return verifier{t, python(t), t.TempDir()} }

func (v verifier) file(name string, data []byte) string {
	v.t.Helper()
	path := filepath.Join(v.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		v.t.Fatal(err)
	}
	return path
}

func (v verifier) run(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(v.t.Context(), time.Minute)
	defer cancel()
	// -O: the checks do not depend on Python's assertions.
	out, err := exec.CommandContext(ctx, v.python, append([]string{"-O", "../docs/verify.py"}, args...)...).CombinedOutput()
	return string(out), err
}

func (v verifier) proven(args ...string) string {
	v.t.Helper()
	out, err := v.run(args...)
	if err != nil || !strings.Contains(out, "Proven: ") {
		v.t.Errorf("%q: %v\n%s", args, err, out)
	}
	return out
}

func (v verifier) notProven(why string, args ...string) {
	v.t.Helper()
	out, err := v.run(args...)
	if err == nil || !strings.HasPrefix(out, "NOT proven: ") || !strings.Contains(out, why) {
		v.t.Errorf("want %q, got %v\n%s", why, err, out)
	}
}

func TestAnotherVerifierProvesAStatement(t *testing.T) {
	v, e := newVerifier(t), newEvidence(t, "rempart/test")
	approved := e.say("diane", ledger.ProjectApproved{Project: "flu", Reason: "in order\x1b[2J\u202e"})
	for i := range 5 {
		e.say("carole", ledger.KeyDestroyed{Key: fmt.Sprint("k", i), Reason: "at its end"})
	}
	proof, _ := e.prove(approved)
	known, _ := e.prove(1)
	path, knownPath := v.file("approved", proof), v.file("known", known)

	out := v.proven(e.log.Key(), path, "--known", knownPath)
	if !strings.Contains(out, `"flu"`) || strings.ContainsAny(out, "\x1b\u202e") {
		t.Errorf("it prints %q", out)
	}
	first, _ := e.prove(0)
	destroyed, _ := e.prove(approved + 3)
	v.proven(e.log.Key(), v.file("destroyed", destroyed), "--known", v.file("first", first))
	v.notProven("the key is another party's", e.log.Key(), v.file("destroyed", destroyed), "--known", knownPath)
	v.notProven("made known later", e.log.Key(), knownPath, "--known", path)
	v.notProven("", e.log.Key(), path, "--known", v.file("destroyed", destroyed))

	withWitness, witness := cosigned(t, proof, "witness.example")
	_, stranger := cosigned(t, proof, "witness.example")
	both := v.file("cosigned", withWitness)
	v.proven(e.log.Key(), both, "--witness", witness, "--need", "1")
	v.notProven("0 of the witnesses have cosigned, not 1", e.log.Key(), both, "--witness", stranger, "--need", "1")
	v.notProven("1 of the witnesses have cosigned, not 2", e.log.Key(), both, "--witness", witness, "--witness", witness, "--need", "2")
	v.notProven("0 of the witnesses", e.log.Key(), path, "--need", "1")

	// who the witnesses are, and how many, by the ledger's own statement
	named := e.say("carole", ledger.WitnessesSet{Witnesses: []ledger.Witness{{URL: "https://w.example", Key: witness}}, Threshold: 1, Kinds: []string{}, Reason: "r"})
	list, _ := e.prove(named)
	v.proven(e.log.Key(), both, "--witnesses", v.file("witnesses", list))
	v.notProven("0 of the witnesses have cosigned, not 1", e.log.Key(), path, "--witnesses", v.file("witnesses", list))
	v.notProven("names no witnesses", e.log.Key(), both, "--witnesses", knownPath)

	other := newEvidence(t, "rempart/test")
	other.say("diane", ledger.ProjectApproved{Project: "flu", Reason: "forged"})
	forged, _ := other.prove(approved)
	v.notProven("the ledger has not signed this checkpoint", e.log.Key(), v.file("forged", forged))
	head, _, _ := strings.Cut(string(proof), "\n\n")
	_, foreign, _ := strings.Cut(string(forged), "\n\n")
	v.notProven("the ledger has not signed this checkpoint", e.log.Key(), v.file("mixed", []byte(head+"\n\n"+foreign)))
}

// TestNoAlteredByteIsProven alters each class of bytes of a proof.
func TestNoAlteredByteIsProven(t *testing.T) {
	v, e := newVerifier(t), newEvidence(t, "rempart/test")
	for i := range 6 {
		e.say("diane", ledger.OutputRefused{Output: fmt.Sprint("s-1-", i), Reason: "too small a cell"})
	}
	raw, _ := e.prove(4)
	other, _ := e.prove(5)
	witnessed, witness := cosigned(t, raw, "witness.example")
	proof := string(witnessed)
	lines := strings.Split(proof, "\n") // form, extra, index, three hashes, "", origin, size, root, "", the ledger's line, the witness's
	if len(lines) != 14 {
		t.Fatalf("a proof has %d lines:\n%s", len(lines), proof)
	}
	envelope, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		t.Fatal(err)
	}
	altered := map[string]string{"nothing of it": "", "cut short": proof[:len(proof)/2], "no checkpoint": strings.Join(lines[:7], "\n")}
	set := func(name string, at int, line string) {
		changed := append([]string{}, lines...)
		changed[at] = line
		altered[name] = strings.Join(changed, "\n")
	}
	flip := func(text string, from int) string { // another letter in the middle of what follows
		at := from + (len(text)-from)/2
		letter := byte('A')
		if text[at] == letter {
			letter = 'B'
		}
		return text[:at] + string(letter) + text[at+1:]
	}
	for at, name := range map[int]string{0: "form", 3: "first hash", 5: "last hash", 7: "origin", 9: "root", 11: "the ledger's signature", 12: "the witness's signature"} {
		set(name, at, flip(lines[at], len(lines[at])/4))
	}
	set("statement", 1, "extra "+base64.StdEncoding.EncodeToString(bytes.Replace(envelope, []byte(`"sig"`), []byte(`"sog"`), 1)))
	set("a space behind the statement", 1, "extra "+base64.StdEncoding.EncodeToString(append(bytes.Clone(envelope), ' ')))
	set("another statement", 1, strings.Split(string(other), "\n")[1])
	set("spelling of the statement", 1, lines[1]+"=")
	set("index", 2, "index 5")
	set("index, spelt otherwise", 2, "index 04")
	set("index beyond the tree", 2, "index 8")
	set("size", 8, "9")
	altered["one hash less"] = strings.Join(append(append([]string{}, lines[:5]...), lines[6:]...), "\n")
	altered["one hash more"] = strings.Join(append(append(append([]string{}, lines[:6]...), lines[5]), lines[6:]...), "\n")
	altered["hashes swapped"] = strings.Join(append(append(append([]string{}, lines[:3]...), lines[4], lines[3]), lines[5:]...), "\n")
	altered["without the ledger's signature"] = strings.Join(append(append([]string{}, lines[:11]...), lines[12:]...), "\n")
	v.proven(e.log.Key(), v.file("good", []byte(proof)), "--witness", witness, "--need", "1")
	for name, text := range altered {
		out, err := v.run(e.log.Key(), v.file("altered", []byte(text)), "--witness", witness, "--need", "1")
		if err == nil || !strings.HasPrefix(out, "NOT proven: ") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func TestAnotherVerifierProvesWhatAPasskeySigned(t *testing.T) {
	for _, algorithm := range []string{"ES256", "EdDSA", "RS256"} {
		t.Run(algorithm, func(t *testing.T) {
			v, e := newVerifier(t), newEvidence(t, "rempart/test")
			a, thief := passkeytest.New(t, algorithm, "portal.example", "https://portal.example"), passkeytest.New(t, algorithm, "portal.example", "https://portal.example")
			registered := e.append(a.Seal(e.statement("diane", ledger.PasskeyRegistered{Passkey: a.Passkey, Name: "laptop"})))
			approved := e.append(a.Seal(e.statement("diane", ledger.ProjectApproved{Project: "flu", Reason: "in order"})))
			stolen := e.append(thief.Seal(e.statement("diane", ledger.ProjectApproved{Project: "flu", Reason: "forged"})))
			known, _ := e.prove(registered)
			good, _ := e.prove(approved)
			bad, _ := e.prove(stolen)
			knownPath := v.file("known", known)
			v.proven(e.log.Key(), v.file("good", good), "--known", knownPath)
			v.proven(e.log.Key(), knownPath, "--known", knownPath)
			v.notProven("signed with another passkey", e.log.Key(), v.file("bad", bad), "--known", knownPath)
		})
	}
}

// TestStockProgramsReadTheProof reads a proof with the Go project's own packages
// for signed notes and transparent logs, by the format's text.
func TestStockProgramsReadTheProof(t *testing.T) {
	e := newEvidence(t, "rempart/test")
	for range 300 {
		e.say("diane", ledger.OutputRefused{Output: "s-1-1", Reason: "too small a cell"})
	}
	for _, index := range []uint64{0, 1, 255, 256, 301} {
		proof, envelope := e.prove(index)
		head, checkpoint, _ := strings.Cut(string(proof), "\n\n")
		lines := strings.Split(head, "\n")
		if lines[0] != "c2sp.org/tlog-proof@v1" || lines[1] != "extra "+base64.StdEncoding.EncodeToString(envelope) || lines[2] != fmt.Sprint("index ", index) {
			t.Fatalf("the proof begins %q", lines[:3])
		}
		var path tlog.RecordProof
		for _, line := range lines[3:] {
			hash, err := tlog.ParseHash(line)
			if err != nil {
				t.Fatal(err)
			}
			path = append(path, hash)
		}
		verifier, err := note.NewVerifier(e.log.Key())
		if err != nil {
			t.Fatal(err)
		}
		opened, err := note.Open([]byte(checkpoint), note.VerifierList(verifier))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Split(opened.Text, "\n")
		size, err := strconv.ParseInt(text[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		root, err := tlog.ParseHash(text[2])
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(path, size, root, int64(index), tlog.RecordHash(envelope)); err != nil {
			t.Errorf("statement %d: %v", index, err)
		}
		if !json.Valid(envelope) {
			t.Error("an envelope is JSON")
		}
	}
}
