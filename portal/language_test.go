package portal

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/words"
	"rempart.eu/rempart/ledger/tell"
)

func TestEveryTextIsInBothLanguages(t *testing.T) {
	for _, fault := range words.Check(catalogue) {
		t.Error(fault)
	}
}

// TestEveryTextIsUsed finds texts that nobody shows and texts that are missing.
func TestEveryTextIsUsed(t *testing.T) {
	used := map[string]bool{}
	prefixes := []string{}
	key := regexp.MustCompile(`(?:\bt |Text\(|Sentence\()"([a-z]+\.[a-z_-]+)"`)
	prefix := regexp.MustCompile(`(?:print |Text\(|Sentence\()"([a-z]+\.[a-z_]*)"(?: \.|\s?\+)`)
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		scan(string(text), key, prefix, used, &prefixes)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range sources(t) {
		scan(text, key, prefix, used, &prefixes)
	}
	english := languages()["en"].Texts()
	for key := range used {
		if _, ok := english[key]; !ok {
			t.Errorf("there is no text %q", key)
		}
	}
	for key := range words.Load(catalogue)["en"].Texts() {
		if said, ok := strings.CutPrefix(key, "verifier."); ok {
			if !strings.Contains(scripts(t), `"`+strings.TrimPrefix(said, "fault_")+`"`) {
				t.Errorf("the verifier never says %q", key)
			}
			continue
		}
		begins := func(p string) bool { return strings.HasPrefix(key, p) }
		if !used[strings.TrimSuffix(key, ".one")] && !slices.ContainsFunc(prefixes, begins) {
			t.Errorf("text %q is not used", key)
		}
	}
	for _, role := range append(governance.Roles(), governance.Controller) {
		if english["role."+string(role)] == "" {
			t.Errorf("the role %s has no name", role)
		}
	}
}

// scripts are the verifier's own files.
func scripts(t *testing.T) string {
	t.Helper()
	var all string
	for _, name := range []string{"static/tlog.js", "static/verify.js"} {
		text, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all += string(text)
	}
	return all
}

func scan(text string, key, prefix *regexp.Regexp, used map[string]bool, prefixes *[]string) {
	for _, m := range key.FindAllStringSubmatch(text, -1) {
		if !strings.HasSuffix(m[1], "_") {
			used[m[1]] = true
		}
	}
	for _, m := range prefix.FindAllStringSubmatch(text, -1) {
		*prefixes = append(*prefixes, m[1])
		delete(used, m[1])
	}
}

func TestNumbersAndDatesAreWrittenAsTheLanguageDoes(t *testing.T) {
	en, fr := languages()["en"], languages()["fr"]
	for _, c := range []struct{ got, want string }{
		{en.Number(1234567), "1,234,567"}, {fr.Number(1234567), "1\u202f234\u202f567"}, {en.Number(999), "999"}, {en.Number(-1234), "−1,234"},
		{en.Day(today), "27 November 2026"}, {fr.Day(today), "27 novembre 2026"}, {fr.Day(today.AddDate(0, 0, 4)), "1er décembre 2026"},
		{en.Moment(today), "27 November 2026, 09:00 UTC"},
		{en.Size(1840), "1.8\u00a0KiB"}, {fr.Size(1840), "1,8\u00a0Kio"}, {en.Size(12), "12\u00a0B"},
		{en.Text("home.left", "n", 1), "1 day left"}, {en.Text("home.left", "n", 0), "0 days left"}, {fr.Text("home.left", "n", 0), "0 jour restant"},
		{en.Sentence("story.project-approved", "project", tell.Project("flu"), "reason", "{project}").String(), "approved project flu: {project}"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
