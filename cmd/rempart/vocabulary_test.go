package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// athena writes the hospital's own vocabulary as Athena would, with one row that no
// number begins.
func athena(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"CONCEPT.csv", "CONCEPT_RELATIONSHIP.csv", "VOCABULARY.csv"} {
		text := string(read(t, filepath.Join("..", "..", "feeds", "hospital", "vocabulary", name)))
		if name == "CONCEPT.csv" {
			text += "none,a,b,c,d,,e,1970-01-01,2099-12-31,\n"
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestAReleaseIsMappedByTheVocabularyThatIsLoaded: it is accounted for, sealed, named by
// the release, and gone with its key.
func TestAReleaseIsMappedByTheVocabularyThatIsLoaded(t *testing.T) {
	t.Parallel()
	home := homeAt(t, linked)
	refused(t, exitRefused, "no vocabulary is loaded", home, "vocabulary", "show")
	loaded := must(t, home, "vocabulary", "load", athena(t))
	if !strings.Contains(loaded, "refused.csv") {
		t.Error(loaded)
	}
	kept, err := filepath.Glob(filepath.Join(home, "controller", "vocabularies", "*-refused.csv"))
	if err != nil || len(kept) != 1 || !strings.Contains(string(read(t, kept[0])), `concept_id,"want a whole number, got ""none"""`) {
		t.Errorf("refused rows are in %s (%v)", kept, err)
	}
	id := strings.TrimSuffix(filepath.Base(kept[0]), "-refused.csv")
	if list := must(t, home, "vocabulary", "list"); !strings.Contains(list, id) {
		t.Error(list)
	}
	if show := must(t, home, "vocabulary", "show", id); !strings.Contains(show, "SNOMED") {
		t.Error(show)
	}
	must(t, home, "release", "publish")
	if log := must(t, home, "audit", "log", "--json"); !strings.Contains(log, `"vocabulary":"`+id+`"`) && !strings.Contains(log, `"vocabulary": "`+id+`"`) {
		t.Errorf("no release names %s:\n%.2000s", id, log)
	}
	usagi := filepath.Join(t.TempDir(), "usagi.csv")
	must(t, home, "vocabulary", "unmapped", "--out", usagi)
	if !strings.HasPrefix(string(read(t, usagi)), "sourceCode,sourceName,sourceFrequency,") {
		t.Errorf("%.300s", read(t, usagi))
	}
	sound(t, home)
	must(t, home, "lake", "repair")
	sound(t, home)
	must(t, home, "release", "publish", "--vocabulary", id)
	refused(t, exitRefused, "there is no vocabulary", home, "release", "publish", "--vocabulary", "v-00000000")
	must(t, home, "key", "destroy", "vocabulary-"+id, "--reason", "a newer one is there")
	refused(t, exitRefused, "was erased", home, "release", "publish", "--vocabulary", id)
	must(t, home, "release", "publish", "--vocabulary", "own")
}
