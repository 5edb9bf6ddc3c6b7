package intake_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/intake/intaketest"
	"rempart.eu/rempart/pseudonym"
)

// A case of testdata/fhir is a delivery to the feed fhir. It holds what comes of
// it: the health data of each view that has any (<view>.clean), the identities,
// the quarantine, what was ignored, and the error of the first file that fails.
func TestFHIR(t *testing.T) {
	cases, err := filepath.Glob("testdata/fhir/*.txtar")
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
				text := strings.NewReplacer("<CR>", "\r", "<BOM>", "\ufeff", "<FF>", "\xff").Replace(string(f.Data))
				if expectation(f.Name) || f.Name == "ignored" || f.Name == "identities" {
					want[f.Name] = text
				} else {
					in[f.Name] = text
				}
			}
			got := depositFHIR(t, in)
			if *update {
				archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return in[f.Name] == "" })
				for _, name := range slices.Sorted(maps.Keys(got)) {
					archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(got[name])})
				}
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

// depositFHIR checks a delivery and returns what comes of it, under the names
// of a case's expectations.
func depositFHIR(t *testing.T, in map[string]string) map[string]string {
	t.Helper()
	feed := fhirFeed(t)
	for i := range feed.Resources {
		feed.Resources[i].Threshold = 1
	}
	got := map[string]string{}
	open := func(name string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(in[name])), nil }
	delivery, err := feed.Deliver(slices.Collect(maps.Keys(in)))
	if err == nil {
		err = delivery.LookInto(open)
	}
	if err != nil {
		return map[string]string{"error": err.Error() + "\n"}
	}
	if len(delivery.Ignored) > 0 {
		got["ignored"] = strings.Join(delivery.Ignored, "\n") + "\n"
	}
	var identities, refused bytes.Buffer
	quarantine := intake.NewQuarantine(&refused)
	checker := intake.NewChecker(delivery, visible{}, intake.Options{})
	for _, s := range delivery.Sources {
		health := make([]bytes.Buffer, len(s.Feeds))
		sinks := intake.Sinks{Refused: quarantine.Refused, Identity: func(person int64, who pseudonym.Identity) error {
			_, err := fmt.Fprintln(&identities, strings.Join([]string{strconv.FormatInt(person, 10), who.NIR, who.SSN,
				who.LastName, who.BirthName, who.FirstName, who.BirthDate, who.Sex, who.Postcode}, "|"))
			return err
		}}
		for i := range health {
			sinks.Health = append(sinks.Health, intaketest.NewText(&health[i], s.Feeds[i].Resource.HealthColumns()))
		}
		file, _ := open(s.Name)
		all, err := checker.Check(t.Context(), s, s.Name, file, sinks)
		if err != nil {
			got["error"] = err.Error() + "\n"
			break
		}
		for i, part := range s.Feeds {
			if all[i].Rows != all[i].Accepted+all[i].Refused || all[i] != all[0] {
				t.Errorf("%s, %s: %+v, but %+v of the first view", s.Name, part.Resource.Name, all[i], all[0])
			}
			header, rows, _ := strings.Cut(health[i].String(), "\n")
			name := part.Resource.Name + ".clean"
			if got[name] == "" && rows != "" {
				got[name] = header + "\n"
			}
			got[name] += rows
		}
	}
	maps.DeleteFunc(got, func(_, text string) bool { return text == "" })
	if err := quarantine.Flush(); err != nil {
		t.Fatal(err)
	}
	if strings.Count(refused.String(), "\n") > 1 {
		got["quarantine.csv"] = refused.String()
	}
	if identities.Len() > 0 {
		got["identities"] = identities.String()
	}
	return got
}

func fhirFeed(t testing.TB) *intake.Feed {
	t.Helper()
	feed, err := intake.LoadFeed(os.DirFS("../feeds/fhir"))
	if err != nil {
		t.Fatal(err)
	}
	return feed
}

// Of a real bulk export and of real Bundles every line is accounted for, none
// is refused but for repetitions, and nothing that tells who somebody is stands
// in the health data.
func TestRealFHIR(t *testing.T) {
	for name, persons := range map[string]int{"raw-fhir-bulk-ndjson-10": 13, "fhir-bundles-synthea-r4": 16} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("../../shared/data", name)
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Skipf("the FHIR resources are not here: %v", err)
			}
			var names []string
			for _, e := range entries {
				names = append(names, e.Name())
			}
			open := func(name string) (io.ReadCloser, error) { return os.Open(filepath.Join(dir, name)) }
			delivery, err := fhirFeed(t).Deliver(names)
			if err != nil {
				t.Fatal(err)
			}
			if err := delivery.LookInto(open); err != nil {
				t.Fatal(err)
			}
			checker := intake.NewChecker(delivery, pseudonyms{}, intake.Options{})
			var secrets []string
			health := &bytes.Buffer{}
			told := 0
			for _, s := range delivery.Sources {
				sinks := intake.Sinks{
					Identity: func(_ int64, who pseudonym.Identity) error {
						told++
						secrets = append(secrets, who.LastName, who.FirstName, who.SSN)
						return nil
					},
					Refused: func(e intake.RowError) error {
						if e.Rule != "repeated: an earlier line says the same" {
							t.Error(e.Error())
						}
						return nil
					},
				}
				for _, part := range s.Feeds {
					sinks.Health = append(sinks.Health, intaketest.NewText(health, part.Resource.HealthColumns()))
				}
				in, err := open(s.Name)
				if err != nil {
					t.Fatal(err)
				}
				counts, err := checker.Check(t.Context(), s, s.Name, in, sinks)
				if err != nil {
					t.Fatal(err)
				}
				if err := in.Close(); err != nil {
					t.Fatal(err)
				}
				if counts[0].Rows == 0 || counts[0].Rows != counts[0].Accepted+counts[0].Refused {
					t.Errorf("%s: %+v", s.Name, counts[0])
				}
				if text, err := os.ReadFile(filepath.Join(dir, s.Name)); strings.HasSuffix(s.Name, ".ndjson") && (err != nil || int(counts[0].Rows) != bytes.Count(text, []byte("\n"))) {
					t.Errorf("%s: %d lines, counted %d (%v)", s.Name, bytes.Count(text, []byte("\n")), counts[0].Rows, err)
				}
			}
			if told != persons {
				t.Errorf("%d persons were told of, want %d", told, persons)
			}
			words := map[string]bool{}
			for _, word := range strings.FieldsFunc(health.String(), func(r rune) bool { return strings.ContainsRune(",\"\n ", r) }) {
				words[word] = true
			}
			for _, secret := range secrets {
				if secret != "" && words[secret] {
					t.Errorf("the health data holds %q", secret)
				}
			}
		})
	}
}
