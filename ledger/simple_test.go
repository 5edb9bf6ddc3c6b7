package ledger_test

import (
	"bytes"
	"testing"

	"rempart.eu/rempart/ledger"
)

// What is read the short way is read the long way too, and alike.
func FuzzReadSimple(f *testing.F) {
	const start, end = `{"actor":"alice","body":`, `,"kind":"run-finished","time":"2026-11-28T12:00:00Z","version":1}`
	for _, body := range []string{
		`{}`, `{"a":[1,-2,"x",true,false,null,{}],"b":{"c":12.5}}`, `[]`, `{"b":1,"a":1}`, `{"a":1,"a":2}`, `{"a": 1}`,
		`0.000001`, `0.0000001`, `-0`, `-0.5`, `1e3`, `1.0`, `01`, `1.`, `.5`, `999999999999999`, `9999999999999999`, `123456789012.345`,
		`"é"`, `"\n"`, `"\u0041"`, `"` + "\x7f" + `"`, `[[[[[[]]]]]]`, `[1,]`, `{"a"}`, `tru`, `"unended`,
	} {
		f.Add([]byte(start + body + end))
	}
	f.Add([]byte(start + `{}` + `,"kind":"k","time":"2026-11-28T12:00:00+00:00","version":1}`))
	f.Add([]byte(start + `{}` + `,"kind":"k","time":"2026-11-28T12:00:00.5Z","version":1}`))
	f.Add([]byte(start + `{}` + `,"kind":"k","time":"2026-11-28T24:00:00Z","version":1} `))
	f.Add([]byte(start + `{}` + `,"kind":"k","time":"2026-11-28T12:00:00Z","version":-1}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		simple, ok := ledger.ReadSimple(bytes.Clone(payload))
		if !ok {
			return
		}
		long, err := ledger.ReadCanonical(payload)
		if err != nil {
			t.Fatalf("%q: %v", payload, err)
		}
		if simple.Actor != long.Actor || simple.Kind != long.Kind || simple.Version != long.Version || !simple.Time.Equal(long.Time) || !bytes.Equal(simple.Body, long.Body) {
			t.Errorf("%q: %+v, but %+v", payload, simple, long)
		}
	})
}

func TestMostStatementsAreReadTheShortWay(t *testing.T) {
	for body, want := range map[string]bool{
		`{"outcome":"done","run":"s-1","seconds":12.5}`: true, `{"n":[1,-20,0.25,{}],"ok":true}`: true, `null`: true,
		`{"b":1,"a":1}`: false, `{"a":1,"a":1}`: false, `1.50`: false, `-0`: false, `1e3`: false, `{"a":1 }`: false, `"é"`: false,
	} {
		text := `{"actor":"alice","body":` + body + `,"kind":"k","time":"2026-11-28T12:00:00Z","version":1}`
		if _, ok := ledger.ReadSimple([]byte(text)); ok != want {
			t.Errorf("%s: %v", body, ok)
		}
	}
}
