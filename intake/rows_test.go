package intake_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/tools/txtar"

	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/intake/intaketest"
	"rempart.eu/rempart/pseudonym"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata/rows")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// visible makes pseudonyms that a reader of the test data can foresee.
type visible struct{}

func (visible) Person(localKey string) int64 {
	n, err := strconv.ParseInt(strings.ReplaceAll(strings.TrimLeft(localKey, "pP"), "\x00", "0"), 10, 64)
	if err != nil {
		return -1
	}
	return 1000 + n
}

func (visible) Key(domain, value string) string { return "#" + domain + "/" + value }

// A case of testdata/rows holds datapackage.json, the files of one deposit,
// and for each of them what is accepted (<file>.clean, <file>.identities);
// further what is refused (quarantine.csv), and the error of the first file
// that fails as a whole (error).
func TestRows(t *testing.T) {
	cases, err := filepath.Glob("testdata/rows/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			in, want := map[string]string{}, map[string]string{}
			for _, f := range archive.Files {
				text := strings.NewReplacer("<CR>", "\r", "<NUL>", "\x00", "<BOM>", "\ufeff", "<E9>", "\xe9", "<80>", "\x80", "<81>", "\x81", "<FF>", "\xff", "<FE>", "\xfe", "<03>", "\x03", "<04>", "\x04").Replace(string(f.Data))
				if expectation(f.Name) {
					want[f.Name] = text
				} else {
					in[f.Name] = text
				}
			}
			got := deposit(t, in)
			if *update {
				rewrite(t, name, archive, got)
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

// rewrite replaces a case's expectations by what came of it, for a human to review.
func rewrite(t *testing.T, name string, archive *txtar.Archive, got map[string]string) {
	archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return expectation(f.Name) })
	for _, name := range slices.Sorted(maps.Keys(got)) {
		text := strings.NewReplacer("\r", "<CR>", "\x00", "<NUL>").Replace(got[name])
		archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(text)})
	}
	if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

func expectation(name string) bool {
	return strings.HasSuffix(name, ".clean") || strings.HasSuffix(name, ".identities") || name == "quarantine.csv" || name == "error"
}

// deposit checks the files of a case and returns what comes of it, under the
// names of the case's expectations.
func deposit(t *testing.T, in map[string]string) map[string]string {
	feed, err := intake.LoadFeed(fstest.MapFS{intake.Descriptor: {Data: []byte(in[intake.Descriptor])}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	var refused bytes.Buffer
	quarantine := intake.NewQuarantine(&refused)
	for i := range feed.Resources {
		feed.Resources[i].Threshold = 0.9
		feed.Resources[i].Optional = true
	}
	delivery, err := feed.Deliver(slices.DeleteFunc(slices.Collect(maps.Keys(in)), func(name string) bool { return name == intake.Descriptor }))
	if err != nil {
		t.Fatal(err)
	}
	checker := intake.NewChecker(delivery, visible{}, intake.Options{})
	for _, s := range delivery.Sources {
		r := s.Feeds[0].Resource
		var clean, identities bytes.Buffer
		all, err := checker.Check(t.Context(), s, s.Name, strings.NewReader(in[s.Name]), intake.Sinks{
			Health: []intake.HealthSink{intaketest.NewText(&clean, r.HealthColumns())},
			Identity: func(person int64, who pseudonym.Identity) error {
				traits := []string{strconv.FormatInt(person, 10), who.NIR, who.SSN,
					who.LastName, who.BirthName, who.FirstName, who.BirthDate, who.Sex, who.Postcode}
				if who.FOIN != "" {
					traits = append(traits, who.FOIN)
				}
				fmt.Fprintln(&identities, strings.Join(traits, "|"))
				return nil
			},
			Refused: quarantine.Refused,
		})
		for _, counts := range all {
			if counts.Rows != counts.Accepted+counts.Refused {
				t.Errorf("%s: rows in %d, accepted %d, refused %d", s.Name, counts.Rows, counts.Accepted, counts.Refused)
			}
		}
		if err != nil {
			got["error"] = err.Error() + "\n"
			break
		}
		got[s.Name+".clean"] = clean.String()
		if r.Traits() {
			got[s.Name+".identities"] = identities.String()
		}
	}
	if err := quarantine.Flush(); err != nil {
		t.Fatal(err)
	}
	if got["quarantine.csv"] = refused.String(); strings.Count(refused.String(), "\n") == 1 {
		delete(got, "quarantine.csv")
	}
	return got
}

func TestTooManyRefusedRowsFailTheFile(t *testing.T) {
	checker, source := one(t)
	_, err := checker.Check(t.Context(), source, "a.csv", strings.NewReader("n\n1\n2\n3\nx\n"), discard)
	if !errors.Is(err, intake.ErrTooManyRefused) || !strings.Contains(err.Error(), "a.csv: 1 of 4 rows") {
		t.Errorf("got %v", err)
	}
	checker, source = one(t)
	if _, err := checker.Check(t.Context(), source, "a.csv", strings.NewReader("n\n1\n2\n3\n4\nx\n"), discard); err != nil {
		t.Errorf("a fifth may be refused: %v", err)
	}
}

func TestASinksErrorComesBack(t *testing.T) {
	full := errors.New("the host is full")
	for name, sinks := range map[string]intake.Sinks{
		"health":  {Health: []intake.HealthSink{intaketest.NewText(failing{full}, nil)}, Refused: discard.Refused},
		"refused": {Health: discard.Health, Refused: func(intake.RowError) error { return full }},
	} {
		checker, source := one(t)
		_, err := checker.Check(t.Context(), source, "a.csv", strings.NewReader("n\n1\nx\n"), sinks)
		if !errors.Is(err, full) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAReadersErrorComesBack(t *testing.T) {
	for _, before := range []string{"", "n\n1\n"} {
		gone := errors.New("the disk failed")
		checker, source := one(t)
		_, err := checker.Check(t.Context(), source, "a.csv", io.MultiReader(strings.NewReader(before), failing{gone}), discard)
		if !errors.Is(err, gone) {
			t.Errorf("after %q: got %v", before, err)
		}
	}
}

func TestAFileIsCheckedOnce(t *testing.T) {
	checker, source := one(t)
	if _, err := checker.Check(t.Context(), source, "a.csv", strings.NewReader("n\n1\n"), discard); err != nil {
		t.Fatal(err)
	}
	if _, err := checker.Check(t.Context(), source, "a.csv", strings.NewReader("n\n1\n"), discard); err == nil {
		t.Error("the second time should fail")
	}
}

// one is a checker of a feed with one file of one whole number.
func one(t testing.TB) (*intake.Checker, intake.Source) {
	t.Helper()
	feed, err := intake.LoadFeed(fstest.MapFS{intake.Descriptor: {Data: []byte(`{"name": "one", "rempart": {"kind": "hospital"},
		"resources": [{"name": "a", "path": "a.csv", "schema": {"fields": [{"name": "n", "type": "integer"}]}}]}`)}})
	if err != nil {
		t.Fatal(err)
	}
	delivery := deliver(t, feed, "a.csv")
	return intake.NewChecker(delivery, visible{}, intake.Options{}), delivery.Sources[0]
}

var discard = intake.Sinks{Health: []intake.HealthSink{intaketest.Discard{}}, Refused: func(intake.RowError) error { return nil }}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }
