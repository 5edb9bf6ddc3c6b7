package ledger_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/ledger/passkeytest"
)

const (
	rpID   = "portal.example.eu"
	origin = "https://portal.example.eu"
)

// decision is a statement to sign.
func decision(t testing.TB, reason string) ledger.Statement {
	s, err := ledger.New("diane", time.Date(2026, 11, 27, 22, 0, 0, 0, time.UTC), ledger.ProjectRefused{Project: "flu", Reason: reason})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAPasskeySignsAStatement(t *testing.T) {
	for _, algorithm := range []string{"ES256", "EdDSA", "RS256"} {
		a := passkeytest.New(t, algorithm, rpID, origin)
		envelope := a.Seal(decision(t, "no legal basis"))
		if keyid, err := ledger.PasskeyOf(envelope); err != nil || keyid != a.KeyID() {
			t.Errorf("%s: signed with %q, %v", algorithm, keyid, err)
		}
		counter, err := ledger.VerifyByPasskey(t.Context(), envelope, a.Passkey)
		if err != nil || counter != 1 {
			t.Errorf("%s: count %d, %v", algorithm, counter, err)
		}
		if s, err := ledger.Read(envelope); err != nil || s.Actor != "diane" {
			t.Errorf("%s: %+v, %v", algorithm, s, err)
		}
		if _, err := ledger.VerifyByPasskey(t.Context(), envelope, passkeytest.New(t, algorithm, rpID, origin).Passkey); err == nil {
			t.Errorf("%s: another's passkey verifies it", algorithm)
		}
		key, err := ledger.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		if ledger.VerifyBy(t.Context(), envelope, key.Public()) == nil {
			t.Errorf("%s: a key that did not sign verifies it", algorithm)
		}
	}
}

// What an authenticator, a browser or somebody between them does wrong is refused.
func TestWhatIsWrongWithAnAssertionIsRefused(t *testing.T) {
	challenge := []byte("0123456789abcdef0123456789abcdef")
	wrong := map[string]func(*passkeytest.Authenticator){
		"nobody was present":                    func(a *passkeytest.Authenticator) { a.Flags = passkeytest.Verified },
		"the person was not verified":           func(a *passkeytest.Authenticator) { a.Flags = passkeytest.Present },
		"made for a registration":               func(a *passkeytest.Authenticator) { a.Type = "webauthn.create" },
		"made for a payment":                    func(a *passkeytest.Authenticator) { a.Type = "payment.get" },
		"signed at a phisher's":                 func(a *passkeytest.Authenticator) { a.SignOrigin = "https://portal.example.eu.evil.test" },
		"signed on another port":                func(a *passkeytest.Authenticator) { a.SignOrigin = origin + ":8443" },
		"signed at a subdomain":                 func(a *passkeytest.Authenticator) { a.SignOrigin = "https://x.portal.example.eu" },
		"signed without TLS":                    func(a *passkeytest.Authenticator) { a.SignOrigin = "http://portal.example.eu" },
		"signed at the same site, written else": func(a *passkeytest.Authenticator) { a.SignOrigin = "https://PORTAL.example.eu" },
		"of another domain":                     func(a *passkeytest.Authenticator) { a.SignRPID = "example.eu" },
	}
	for name, spoil := range wrong {
		t.Run(name, func(t *testing.T) {
			a := passkeytest.New(t, "ES256", rpID, origin)
			spoil(a)
			if _, err := a.VerifyChallenge(a.Sign(challenge), challenge); err == nil {
				t.Error("it was taken")
			}
		})
	}
	a := passkeytest.New(t, "ES256", rpID, origin)
	clientData := string(a.ClientData(challenge))
	for name, text := range map[string]string{
		"a challenge twice":           strings.Replace(clientData, `"origin"`, `"challenge":"AAAA","origin"`, 1),
		"a challenge in another case": strings.Replace(clientData, `"origin"`, `"Challenge":"AAAA","origin"`, 1),
		"another challenge":           string(a.ClientData([]byte("another one, just as long as that"))),
		"from within another site":    strings.Replace(clientData, "false", "true", 1),
		"under another site":          strings.Replace(clientData, `"crossOrigin":false`, `"crossOrigin":true,"topOrigin":"https://evil.test"`, 1),
		"no JSON":                     "webauthn.get",
		"JSON and more":               clientData + "{}",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := a.VerifyChallenge(a.SignClientData([]byte(text)), challenge); err == nil {
				t.Error("it was taken")
			}
		})
	}
	// A bit anywhere.
	good := a.Sign(challenge)
	for _, part := range []*ledger.URLBytes{&good.AuthenticatorData, &good.ClientDataJSON, &good.Signature} {
		for i := range *part {
			(*part)[i] ^= 1
			if _, err := a.VerifyChallenge(good, challenge); err == nil {
				t.Errorf("byte %d was changed, and it was taken", i)
			}
			(*part)[i] ^= 1
		}
	}
	if _, err := a.VerifyChallenge(good, challenge); err != nil {
		t.Error(err)
	}
}

// A signature is good for one statement alone.
func TestASignatureIsForOneStatement(t *testing.T) {
	a := passkeytest.New(t, "ES256", rpID, origin)
	envelope := a.Seal(decision(t, "no legal basis"))
	other, err := ledger.NewDraft(decision(t, "no ethical opinion"))
	if err != nil {
		t.Fatal(err)
	}
	var e struct {
		Signatures []struct {
			Sig []byte `json:"sig"`
		} `json:"signatures"`
	}
	if err := json.Unmarshal(envelope, &e); err != nil {
		t.Fatal(err)
	}
	var assertion ledger.Assertion
	if err := json.Unmarshal(e.Signatures[0].Sig, &assertion); err != nil {
		t.Fatal(err)
	}
	if err := other.Assert(a.Passkey, assertion); err == nil {
		t.Error("a signature of one statement was taken for another")
	}
	// The same bytes, called something else: DSSE binds the type.
	forged := bytes.Replace(envelope, []byte(ledger.PayloadType), []byte("application/vnd.rempart.statement+jsom"), 1)
	if _, err := ledger.VerifyByPasskey(t.Context(), forged, a.Passkey); err == nil {
		t.Error("a signature was taken for a payload of another type")
	}
	twice := bytes.Replace(envelope, []byte(`"signatures":[`), []byte(`"signatures":[{"keyid":"x","sig":"AA=="},`), 1)
	if _, err := ledger.VerifyByPasskey(t.Context(), twice, a.Passkey); err == nil {
		t.Error("an envelope with a stranger's signature was taken")
	}
	if _, err := ledger.PasskeyOf(twice); err == nil {
		t.Error("an envelope with two signatures was taken")
	}
}

func TestAPasskeyIsChecked(t *testing.T) {
	good := passkeytest.New(t, "ES256", "example.eu", origin).Passkey
	if err := good.Check(); err != nil { // of the parent domain
		t.Fatal(err)
	}
	for name, change := range map[string]func(*ledger.Passkey){
		"a short id":            func(p *ledger.Passkey) { p.Credential = p.Credential[:8] },
		"a long id":             func(p *ledger.Passkey) { p.Credential = make([]byte, 1024) },
		"no key":                func(p *ledger.Passkey) { p.PublicKey = nil },
		"a key that is no COSE": func(p *ledger.Passkey) { p.PublicKey = []byte("ed25519:AAAA") },
		"a long key":            func(p *ledger.Passkey) { p.PublicKey = append(p.PublicKey, make([]byte, 2000)...) },
		"http":                  func(p *ledger.Passkey) { p.Origin = "http://portal.example.eu" },
		"a path":                func(p *ledger.Passkey) { p.Origin += "/x" },
		"a user":                func(p *ledger.Passkey) { p.Origin = "https://a@portal.example.eu" },
		"upper case":            func(p *ledger.Passkey) { p.Origin = "https://Portal.example.eu" },
		"another domain":        func(p *ledger.Passkey) { p.RPID = "other.eu" },
		"half a label":          func(p *ledger.Passkey) { p.RPID = "ample.eu" },
		"no domain":             func(p *ledger.Passkey) { p.RPID = "" },
	} {
		p := good
		change(&p)
		if err := p.Check(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	local := passkeytest.New(t, "EdDSA", "localhost", "http://localhost:8080").Passkey
	if err := local.Check(); err != nil {
		t.Errorf("this machine: %v", err)
	}
}

// The test vectors of WebAuthn Level 3, section 16: those with the person
// verified, of our algorithms and of one site verify; the others are refused.
func TestVectorsOfWebAuthn(t *testing.T) {
	text, err := os.ReadFile("testdata/webauthn.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name       string
		Challenge  ledger.URLBytes
		Credential ledger.URLBytes
		PublicKey  ledger.URLBytes `json:"public_key"`
		Refused    string
		ledger.Assertion
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		p := ledger.Passkey{Credential: v.Credential, PublicKey: v.PublicKey, RPID: "example.org", Origin: "https://example.org"}
		_, err := p.VerifyChallenge(v.Assertion, v.Challenge)
		if v.Refused == "" && err != nil || v.Refused != "" && (err == nil || !strings.Contains(err.Error(), v.Refused)) {
			t.Errorf("%s: %v, want %q", v.Name, err, v.Refused)
		}
	}
}

func TestURLBytesHaveOneSpelling(t *testing.T) {
	for _, text := range []string{"AAA=", "AAB", "A A", "AA\nA", "AA+A", "A"} {
		if b, err := ledger.ParseURLBytes(text); err == nil {
			t.Errorf("%q is taken for %x", text, []byte(b))
		}
	}
	if b, err := ledger.ParseURLBytes("-_8"); err != nil || b.String() != base64.RawURLEncoding.EncodeToString(b) {
		t.Errorf("%v, %v", b, err)
	}
}

func FuzzPasskeyEnvelope(f *testing.F) {
	a := passkeytest.New(f, "ES256", rpID, origin)
	good := a.Seal(decision(f, "no legal basis"))
	f.Add(good)
	f.Add([]byte(`{"payloadType":"application/vnd.rempart.statement+json","payload":"e30=","signatures":[{"keyid":"passkey:00","sig":"e30="}]}`))
	want, err := ledger.Read(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, envelope []byte) {
		if _, err := ledger.VerifyByPasskey(t.Context(), envelope, a.Passkey); err != nil {
			return
		}
		if got, err := ledger.Read(envelope); err != nil || string(got.Body) != string(want.Body) {
			t.Errorf("%s verifies", envelope)
		}
	})
}
