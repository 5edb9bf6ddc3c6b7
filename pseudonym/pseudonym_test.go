package pseudonym_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"rempart.eu/rempart/pseudonym"
)

// secret returns the 32 bytes that follow first, as testdata/vectors.py has them.
func secret(first byte) []byte {
	s := make([]byte, pseudonym.SecretSize)
	for i := range s {
		s[i] = first + byte(i)
	}
	return s
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var (
	provider  = must(pseudonym.NewProviderKey(secret(0)))
	authority = must(pseudonym.NewAuthorityKey(secret(32)))
	local     = must(pseudonym.NewLocalKey(secret(64)))
)

// TestTokensAreThoseOfPython holds every token against testdata/tokens.tsv,
// which Python's hmac made from normal forms written by hand.
func TestTokensAreThoseOfPython(t *testing.T) {
	file, err := os.ReadFile("testdata/tokens.tsv")
	if err != nil {
		t.Fatal(err)
	}
	persons, records := 0, 0
	for line := range strings.Lines(string(file)) {
		c := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch c[0] {
		case "person":
			persons++
			got, err := provider.Tokens(pseudonym.Identity{
				NIR: c[1], SSN: c[2], FOIN: c[3], LastName: c[4], BirthName: c[5], FirstName: c[6], BirthDate: c[7], Sex: c[8],
			})
			if err != nil {
				t.Errorf("%s: %v", line, err)
				continue
			}
			for i, token := range []pseudonym.ProviderToken{got.A, got.B, got.C} {
				kind := pseudonym.Kind("ABC"[i])
				if first := hex.EncodeToString(token[:]); first != c[9+2*i] {
					t.Errorf("%s %s: token %c is %s, want %s", c[6], c[4], kind, first, c[9+2*i])
				}
				linked := authority.Second(token, kind)
				if second := hex.EncodeToString(linked[:]); second != c[10+2*i] {
					t.Errorf("%s %s: second pass of %c is %s, want %s", c[6], c[4], kind, second, c[10+2*i])
				}
				if token.Missing() != linked.Missing() {
					t.Errorf("%s %s: token %c is missing in one pass only", c[6], c[4], kind)
				}
			}
		case "record":
			records++
			if got := local.Hash(c[1], c[2]); got != c[3] {
				t.Errorf("Hash(%q, %q) = %s, want %s", c[1], c[2], got, c[3])
			}
		}
	}
	if persons != 7 || records != 4 {
		t.Errorf("read %d persons and %d records, want 7 and 4", persons, records)
	}
}

func TestSpellingsMeetOnTheirSound(t *testing.T) {
	a := must(provider.Tokens(pseudonym.Identity{LastName: "Lefèvre", FirstName: "Zoé", BirthDate: "01/08/1955", Sex: "F"}))
	b := must(provider.Tokens(pseudonym.Identity{LastName: "LE FEBVRE", FirstName: "zoe", BirthDate: "1955-08-01", Sex: "2"}))
	if a.B == b.B || a.C != b.C {
		t.Errorf("want the exact tokens apart and the phonetic ones equal, got %x, %x and %x, %x", a.B, b.B, a.C, b.C)
	}
}

func TestAMalformedIdentityHasNoToken(t *testing.T) {
	got, err := provider.Tokens(pseudonym.Identity{
		NIR: "295109912611199", LastName: "Bertrand", FirstName: "Anne", BirthDate: "31/02/1995", Sex: "F",
	})
	if got != (pseudonym.Tokens{}) {
		t.Errorf("got tokens %v of a malformed identity", got)
	}
	if !errors.Is(err, pseudonym.ErrCheckKey) || !errors.Is(err, pseudonym.ErrDate) {
		t.Errorf("got %v, want both the check key and the date named", err)
	}
	if text := err.Error(); strings.Contains(text, "2951099") || strings.Contains(text, "31/02") {
		t.Errorf("the error quotes the identity: %s", text)
	}
	var first *pseudonym.TraitError
	if !errors.As(err, &first) || first.Trait != "nir" {
		t.Errorf("got %v, want a TraitError of the nir first", err)
	}
}

func TestTokensOfDifferentKeysAndKindsNeverMeet(t *testing.T) {
	id := pseudonym.Identity{SSN: "999-17-5017", LastName: "A", FirstName: "A", BirthDate: "2000-05-01", Sex: "M"}
	other := must(pseudonym.NewProviderKey(secret(1)))
	seen := map[pseudonym.ProviderToken]bool{}
	for _, k := range []*pseudonym.ProviderKey{provider, other} {
		tokens := must(k.Tokens(id))
		for _, token := range []pseudonym.ProviderToken{tokens.A, tokens.B, tokens.C} {
			if seen[token] || token.Missing() {
				t.Errorf("token %x is missing or met another", token)
			}
			seen[token] = true
		}
	}
	token := must(provider.Tokens(id)).A
	if authority.Second(token, pseudonym.ByIdentifier) == authority.Second(token, pseudonym.ByTraits) {
		t.Error("the second pass forgets the kind")
	}
}

func TestRecordNumbersKeepTheirKeySpace(t *testing.T) {
	if local.Hash("a", "bc") == local.Hash("ab", "c") {
		t.Error("domain and value run into each other")
	}
	if n := len(local.Hash("encounters", strings.Repeat("x", 1000))); n != 22 {
		t.Errorf("got %d characters, want 22", n)
	}
}

func TestSecretsHaveOneLength(t *testing.T) {
	for _, n := range []int{0, 31, 33} {
		if _, err := pseudonym.NewProviderKey(make([]byte, n)); err == nil {
			t.Errorf("took a secret of %d bytes", n)
		}
	}
}

func TestIdentitiesAndKeysNeverPrint(t *testing.T) {
	id := pseudonym.Identity{NIR: "295109912611193", LastName: "Bertrand"}
	for _, v := range []any{id, &id, provider, *provider, authority, *authority, local, *local} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("seen", "value", v)
		asJSON := must(json.Marshal(v))
		var printed strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&printed, verb+"\n", v)
		}
		for _, out := range []string{printed.String(), log.String(), string(asJSON)} {
			if !strings.Contains(out, "[withheld]") || strings.Contains(out, "Bertrand") || strings.Contains(out, "0x") {
				t.Errorf("%T prints as %s", v, out)
			}
		}
		if got, want := printed.String(), strings.Repeat("[withheld]\n", 7); got != want {
			t.Errorf("%T prints as %s", v, got)
		}
	}
}
