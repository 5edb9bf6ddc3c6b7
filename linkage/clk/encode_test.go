package clk_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"rempart.eu/rempart/linkage/clk"
)

// columns are those of the tests' files.
func columns([]string) (clk.Columns, error) {
	return clk.Columns{ID: "id", Traits: map[string][]string{
		"last_name": {"last"}, "birth_name": {"birth"}, "first_name": {"first"}, "birth_date": {"born"}, "postcode": {"zip"},
	}}, nil
}

func encode(t *testing.T, text string) (clk.Encoded, *clk.File, string, error) {
	t.Helper()
	var out bytes.Buffer
	var found strings.Builder
	e, err := clk.Encode(t.Context(), strings.NewReader(text), &out, key(t, clk.Scheme{}), columns, func(f clk.Finding) error {
		fmt.Fprintf(&found, "%d %s %v %s\n", f.Line, f.Field, f.Refused, f.Reason)
		return nil
	})
	if err != nil {
		return e, nil, found.String(), err
	}
	f, err := clk.Read(&out)
	must(t, err)
	return e, f, found.String(), nil
}

const personsHead = "id,last,birth,first,born,zip\n"

func TestEveryRowHasAFilterOrAReason(t *testing.T) {
	e, f, found, err := encode(t, personsHead+`1,Durand,Martin,Anne,1950-11-30,69001
2,Martin,,ANNE,30/11/1950,69001
1,Petit,,Marie,1988-07-19,
,Petit,,Marie,1988-07-19,
5,Petit
6,,,Marie,,
7,?,,!,1988-07-19,
8,Petit,,Marie,1988-13-45,6
`)
	must(t, err)
	if e.Rows != 8 || e.Written != 3 || e.Refused != 5 || e.LeftOut != 2 || len(f.CLKs) != 3 {
		t.Errorf("got %+v", e)
	}
	if f.CLKs[0] != f.CLKs[1] {
		t.Error("the name at birth does not stand for the name")
	}
	want := `4 id true the same as in line 2
5 id true the row has no name
6 id true the row has 2 fields, the header 6
7 last_name, first_name, birth_date true too little to tell a person apart
8 last_name, first_name, birth_date true too little to tell a person apart
`
	if !strings.HasPrefix(found, want) || !strings.Contains(found, "9 born false") || !strings.Contains(found, "9 zip false") {
		t.Errorf("found\n%swant\n%s", found, want)
	}
	if strings.Contains(found, "Petit") || strings.Contains(found, "1988") {
		t.Errorf("a value of a row is in %s", found)
	}
}

func TestFilesThatAreNotEncoded(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "line 1: the file is empty",
		"id,last,last\n":                  `the column "last" stands twice`,
		personsHead + "1,Mar\"tin,,A,,\n": "line 2: field at column",
		personsHead + "1,Martin,,Anne,1950-11-30,\n2,\"" + strings.Repeat("Martin\n", 1<<18): "line 3: the row is too long",
	} {
		if _, _, _, err := encode(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: got %v, want %q", text, err, want)
		}
	}
	stop := errors.New("stop")
	_, err := clk.Encode(t.Context(), strings.NewReader(personsHead+"1\n"), io.Discard, key(t, clk.Scheme{}), columns, func(clk.Finding) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("a report that fails does not end it: %v", err)
	}
}

func TestDatesInThreeColumns(t *testing.T) {
	three := func([]string) (clk.Columns, error) {
		return clk.Columns{ID: "id", Traits: map[string][]string{"last_name": {"last"}, "birth_date": {"y", "m", "d"}}}, nil
	}
	one := func([]string) (clk.Columns, error) {
		return clk.Columns{ID: "id", Traits: map[string][]string{"last_name": {"last"}, "birth_date": {"born"}}}, nil
	}
	var a, b bytes.Buffer
	none := func(f clk.Finding) error { return fmt.Errorf("%+v", f) }
	_, err := clk.Encode(t.Context(), strings.NewReader("id,last,y,m,d\n1,Martin,1961,3,4\n"), &a, key(t, clk.Scheme{}), three, none)
	must(t, err)
	_, err = clk.Encode(t.Context(), strings.NewReader("id,last,born\n1,Martin,1961-03-04\n"), &b, key(t, clk.Scheme{}), one, none)
	must(t, err)
	if a.String() != b.String() {
		t.Errorf("%s is not %s", &a, &b)
	}
}

func TestMeasure(t *testing.T) {
	left, right := &clk.File{Records: []string{"a", "b", "c"}}, &clk.File{Records: []string{"x", "y", "z"}}
	r := clk.Result{Linked: []clk.Pair{{Left: 0, Right: 0}, {Left: 1, Right: 2}}}
	m, err := r.Measure(left, right, strings.NewReader("l,r\na,x\nb,y\nc,nobody\n"))
	must(t, err)
	if m.True != 3 || m.Foreign != 1 || m.Right != 1 || m.Precision != 0.5 || m.Recall != 1.0/3 {
		t.Errorf("got %+v", m)
	}
	for text, want := range map[string]string{"l,r\na\n": "line 2", "l,r\n": "no pair", "": "no pair"} {
		if _, err := r.Measure(left, right, strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func FuzzEncode(f *testing.F) {
	f.Add([]byte(personsHead + "1,Durand,Martin,Anne,1950-11-30,69001\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var out bytes.Buffer
		var refused int64
		e, err := clk.Encode(t.Context(), bytes.NewReader(in), &out, key(t, clk.Scheme{}), columns, func(f clk.Finding) error {
			if f.Refused {
				refused++
			}
			return nil
		})
		if err != nil {
			return
		}
		if e.Rows != e.Written+e.Refused || refused != e.Refused {
			t.Errorf("%q: %+v, %d findings", in, e, refused)
		}
		if got, err := clk.Read(&out); err != nil || int64(len(got.CLKs)) != e.Written {
			t.Errorf("%q: what was written is read as %v", in, err)
		}
	})
}
