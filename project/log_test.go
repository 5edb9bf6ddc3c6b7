package project

import (
	"errors"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"rempart.eu/rempart/run"
)

// TestLogsAreScanned: what a researcher sees of a log holds no identifier and no row.
func TestLogsAreScanned(t *testing.T) {
	for line, why := range map[string]string{
		"epoch 12, loss 0.3121, auc 0.812":             "",
		"  12   0.3121   0.812":                        "",
		"mean    12.5    301.2    1001.0":              "",
		"read 12034 rows of person":                    "",
		"count 12034, persons 1203":                    "",
		"fold 3: 0.91, 0.88, 0.95":                     "",
		"":                                             "",
		"Traceback (most recent call last):":           "",
		"   person_id  gender_concept_id   birth":      "",
		"0   1204  8507  1980":                         "row",
		"1204,8507,1980-02-03":                         "row",
		"(1204, 8507, None)":                           "row",
		"[1204, 'I21.0', datetime.date(1980, 2, 3)]":   "row",
		"{'person_id': 1204, 'code': 'I21.0', 'n': 3}": "row",
		"│ 1204 │ 8507 │ 1980 │":                       "row",
		"1204\t8507\t1980":                             "row",
		"mail jeanne.martin@example.org":               "e-mail address",
		"nir 2 55 08 14 168 025 38":                    "NIR",
		strings.Repeat("QUJD", 100):                    withheldWord,
	} {
		shown, read := readable(line + "\n")
		if why == "" && (shown != line+"\n" || read.Withheld != nil) {
			t.Errorf("%q was withheld: %v", line, read.Withheld)
		}
		if why != "" && (read.Withheld[why] != 1 || strings.Contains(shown, line)) {
			t.Errorf("%q was shown as %q, %v", line, shown, read.Withheld)
		}
	}
}

func TestALongLogIsShownInPart(t *testing.T) {
	shown, read := readable(strings.Repeat("step done\n", 20_000))
	if len(shown) > maxShown+100 || read.Lines != 20_000 || read.Withheld[withheldMore] == 0 || !strings.HasSuffix(shown, "× over the size that is shown]\n") {
		t.Errorf("%d bytes are shown, %+v", len(shown), read)
	}
}

// The last lines of a study that failed are scanned too, and the record has counts alone.
func TestWhatAFailureSaysIsScanned(t *testing.T) {
	made := &Ran{}
	made.ended(run.Result{Refused: []run.Refused{{Name: "secret", Reason: "it is a fifo, not a file"}}, Calls: []string{"ptrace"}},
		&run.StudyError{Status: 1, Tail: "KeyError\n1204,8507,1980-02-03\n"}, "1204,8507,1980-02-03\n")
	var failed *run.StudyError
	if !errors.As(made.Err, &failed) || strings.Contains(failed.Tail, "1204") || !strings.Contains(failed.Tail, "KeyError") {
		t.Errorf("the failure says %v", made.Err)
	}
	if strings.Contains(made.Log, "1204") || made.RunFinished.Log.Withheld["row"] != 1 || len(made.Left) != 1 || made.Calls[0] != "ptrace" {
		t.Errorf("the record is %+v", made.RunFinished)
	}
}

// What is seen of a log while it comes is the beginning of what is seen of it in the end, however it is
// cut into pieces: nothing is shown that has to be taken back.
func TestALogIsShownLiveAsItIsInTheEnd(t *testing.T) {
	parts := []string{
		"epoch 1, loss 0.4\n", "1204,8507,1980-02-03\n", "1204\n", "8507\n", "1980-02-03\n", "\n", "jeanne.mar\n", "tin@example.org\n", "nir 2 55 08 14 168\n", " 025 38\n",
		"progress 10 %\r", "progress 20 %\r\n", "é\u2028", "12\v", "read 12034 rows", strings.Repeat("x", 300) + "\n", "loss", " 0.3\n", "\r", "| 1 | 2 |", "\n\n", "\xff\xfe\n", strings.Repeat("a b ", 40) + "\n",
	}
	random := rand.New(rand.NewPCG(7, 7))
	for range 100 {
		var log string
		for range random.IntN(60) {
			log += parts[random.IntN(len(parts))]
		}
		whole, read := readable(log)
		s := newScreen()
		for rest := []byte(log); len(rest) > 0; {
			n := 1 + random.IntN(len(rest))
			s.add(rest[:n])
			rest = rest[n:]
			if !strings.HasPrefix(whole, s.out.String()) {
				t.Fatalf("%q was shown live as %q, and as %q in the end", log, s.out.String(), whole)
			}
		}
		s.end()
		if s.out.String() != whole || s.read.Lines != read.Lines || !maps.Equal(s.read.Withheld, read.Withheld) {
			t.Fatalf("%q is shown as %q, %+v in pieces, and as %q, %+v at once", log, s.out.String(), s.read, whole, read)
		}
	}
}

// A study that means to print what may not leave prints it over several lines, as other characters, or
// slowly. None of it is shown, at no moment.
func TestNothingIsShownThatIsSpreadOverLines(t *testing.T) {
	for name, c := range map[string]struct{ log, secret string }{
		"a row":                          {"begin\n1204,8507,1980-02-03\nend of it\ngood\n", "1204"},
		"a row with single spaces":       {"begin\n1204 8507 1980-02-03\nend of it\ngood\n", "1204"},
		"a row with a time":              {"begin\n1204 8507 1980-02-03 00:00:00\nend of it\ngood\n", "1204"},
		"a row, a line for each field":   {"begin\n1204\n8507\n1980-02-03\nend of it\ngood\n", "1980"},
		"a row with blank lines between": {"begin\n1204\n\n8507\n   \n1980-02-03\nend of it\ngood\n", "8507"},
		"a row of returns":               {"begin\r1204\r8507\r1980-02-03\rend of it\ngood\n", "1204"},
		"a row of line separators":       {"begin\n1204\u20288507\u20281980-02-03\nend of it\ngood\n", "1204"},
		"a row of vertical tabs":         {"begin\n1204\v8507\f1980-02-03\nend of it\ngood\n", "1204"},
		"a column of one table":          {"begin\n1204\n1205\n1206\n1207\nend of it\ngood\n", "1206"},
		"a column after others":          {"begin\n0.1\n0.2\n1980-02-03\nend of it\ngood\n", "1980"},
		"an address over two lines":      {"begin\njeanne.mar\ntin@example.org\nend of it\ngood\n", "jeanne"},
		"an address over three lines":    {"begin\njeanne.mar\ntin@exam\nple.org\nend of it\ngood\n", "jeanne"},
		"a NIR over two lines":           {"begin\n2 55 08 14 168\n025 38\nend of it\ngood\n", "168"},
		"a NIR over three lines":         {"begin\n2 55 08\n14 168\n025 38\nend of it\ngood\n", "168"},
		"a NIR over blank lines":         {"begin\n2 55 08 14 168\n\n025 38\nend of it\ngood\n", "168"},
		"a file in one word":             {"begin\n" + strings.Repeat("QUJD", 100) + "\nend of it\ngood\n", "QUJD"},
	} {
		s := newScreen()
		for i := range len(c.log) { // a byte at a time, as slowly as can be
			s.add([]byte{c.log[i]})
			if strings.Contains(s.out.String(), c.secret) {
				t.Errorf("%s: %q was shown", name, s.out.String())
				break
			}
		}
		s.end()
		if shown := s.out.String(); strings.Contains(shown, c.secret) || !strings.Contains(shown, "good") || !strings.Contains(shown, "[withheld: ") {
			t.Errorf("%s: in the end %q is shown", name, shown)
		}
	}
}

// What a line says is not withheld for those beside it.
func TestLinesBesideOthersAreShown(t *testing.T) {
	log := "epoch 1, loss 0.4123\nepoch 2, loss 0.3812\nepoch 3, loss 0.3611\n\n12 of 30 done\nAUC\n0.8123\n0.7911\n0.8011\npersons: 12034\nvisits: 45012\n"
	if shown, read := readable(log); shown != log || read.Lines != 11 {
		t.Errorf("shown as %q, %+v", shown, read)
	}
}
