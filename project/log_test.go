package project

import (
	"errors"
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
