package words_test

import (
	"strings"
	"testing"
	"time"

	"rempart.eu/rempart/internal/words"
)

const catalogue = `
[home]
left = { en = "{n} days left", en_one = "{n} day left", fr = "{n} jours restants", fr_one = "{n} jour restant" }
why = { en = "approved {project}: {reason}", fr = "a autorisé {project} : {reason}" }
`

func TestNumbersAndDatesAreWrittenAsTheLanguageDoes(t *testing.T) {
	languages := words.Load(catalogue)
	en, fr := languages["en"], languages["fr"]
	noon := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct{ got, want string }{
		{en.Number(1234567), "1,234,567"}, {fr.Number(1234567), "1\u202f234\u202f567"}, {en.Number(999), "999"}, {en.Number(-1234), "−1,234"},
		{en.Day(noon), "27 November 2026"}, {fr.Day(noon), "27 novembre 2026"}, {fr.Day(noon.AddDate(0, 0, 4)), "1er décembre 2026"}, {en.Day(time.Time{}), "–"},
		{fr.Month(noon), "novembre 2026"}, {en.Moment(noon), "27 November 2026, 09:00 UTC"},
		{en.Size(1840), "1.8\u00a0KiB"}, {fr.Size(1840), "1,8\u00a0Kio"}, {en.Size(12), "12\u00a0B"},
		{en.Text("home.left", "n", 1), "1 day left"}, {en.Text("home.left", "n", 0), "0 days left"}, {fr.Text("home.left", "n", 0), "0 jour restant"},
		{en.Text("home.none"), "⟨home.none⟩"},
		{fr.Sentence("home.why", "project", words.Part{Text: "flu", Href: "/projects/flu"}, "reason", "{project}").String(), "a autorisé flu\u00a0: {project}"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// A text that a person wrote does not pass for words of ours that lead somewhere.
func TestATextHasNoLinksOfItsOwn(t *testing.T) {
	s := words.Load(catalogue)["en"].Sentence("home.why", "project", words.Part{Text: "flu", Href: "/projects/flu"}, "reason", "\x000\x00 \x002\x00 \x00")
	links := 0
	for _, p := range s {
		if p.Href != "" {
			links++
		}
	}
	if links != 1 || s.String() != "approved flu: \ufffd0\ufffd \ufffd2\ufffd \ufffd" {
		t.Errorf("%q", s)
	}
}

func TestPlainShowsWhatATerminalWouldObey(t *testing.T) {
	for hostile, want := range map[string]string{
		"\x1b[2J\x1b[31mreleased\x07": "␛[2J␛[31mreleased␇",
		"a\nb\tc\rd":                  "a␊b␉c␍d",
		"\u202egnp.exe\u200b\u2066":   "\ufffdgnp.exe\ufffd\ufffd",
		"\u009b31m\u2028":             "\ufffd31m\ufffd",
		"œuvre – 你好 é":                "œuvre – 你好 é",
	} {
		if got := words.Plain(hostile); got != want {
			t.Errorf("%q is printed as %q, want %q", hostile, got, want)
		}
	}
	if got := words.PlainJSON("{\n\t\"a\": \"\u202e\u009b\U000e0001\"}"); got != "{\n\t\"a\": \"\\u202e\\u009b\\udb40\\udc01\"}" {
		t.Errorf("%s", got)
	}
}

func TestCheckFindsMistakesOfACatalogue(t *testing.T) {
	if faults := words.Check(catalogue); faults != nil {
		t.Error(faults)
	}
	got := strings.Join(words.Check("[a]\nb = { en = \"{x}\", fr = \"l'{y}\", de = \"–\" }\nc = { en = \"c\" }"), "\n")
	for _, want := range []string{`"de" is no language`, "a.b: the languages have other places", "typographic apostrophe", "a.c is not in both languages"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not found in:\n%s", want, got)
		}
	}
}
