package lake_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"rempart.eu/rempart/lake"
)

func TestAPassOpensItsObjectsToItsWorkerUntilItEnds(t *testing.T) {
	v, _, key, _ := vault(t)
	granted, err := v.Put(t.Context(), lake.Tar, key, text("granted"))
	must(t, err)
	other, err := v.Put(t.Context(), lake.Tar, key, text("of the same key, not granted"))
	must(t, err)
	file, err := v.PassFile(t.Context(), "person.parquet", granted, key)
	must(t, err)
	worker, err := age.GenerateHybridIdentity()
	must(t, err)
	stranger, err := age.GenerateHybridIdentity()
	must(t, err)
	now := time.Now()
	pass := &lake.Pass{Until: now.Add(time.Hour), Files: []lake.PassFile{file}}
	var sealed bytes.Buffer
	must(t, pass.Seal(&sealed, worker.Recipient()))

	if bytes.Contains(sealed.Bytes(), []byte("person")) {
		t.Error("a pass says what it opens to everybody")
	}
	if _, err := lake.OpenPass(bytes.NewReader(sealed.Bytes()), stranger, now); err == nil {
		t.Error("a pass opens for a stranger")
	}
	if _, err := lake.OpenPass(bytes.NewReader(sealed.Bytes()), worker, now.Add(2*time.Hour)); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("a pass that has ended: %v", err)
	}
	opened, err := lake.OpenPass(bytes.NewReader(sealed.Bytes()), worker, now)
	must(t, err)
	plain, size, closer, err := v.ReaderAt(t.Context(), granted, opened)
	must(t, err)
	defer closer.Close()
	if got, err := io.ReadAll(io.NewSectionReader(plain, 0, size)); err != nil || !strings.HasPrefix(string(got), "granted") {
		t.Errorf("%q, %v", got, err)
	}
	if _, _, _, err := v.ReaderAt(t.Context(), other, opened); err == nil {
		t.Error("a pass opens an object that it does not name")
	}
}
