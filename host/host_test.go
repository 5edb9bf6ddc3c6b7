package host_test

import (
	"os"
	"testing"

	"rempart.eu/rempart/host"
	"rempart.eu/rempart/host/hosttest"
)

func TestDir(t *testing.T) {
	dir := t.TempDir()
	hosttest.Run(t, host.Dir(dir))
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if len(f.Name()) != 32 {
			t.Errorf("%s was left behind", f.Name())
		}
	}
}
