package keyring

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A key is locked into memory and wiped after use; the wiping of one does not
// unlock another, though both may lie in one page.
func TestKeysAreLockedAndWiped(t *testing.T) {
	if err := unix.Mlock(make([]byte, keySize)); err != nil {
		t.Skip("not tested: this machine locks no memory: ", err)
	}
	var keys []*Key
	for i := range 64 {
		key, err := newKey(fmt.Sprintf("release-%d", i), bytes.Repeat([]byte{1}, keySize))
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	for i, key := range keys[:32] {
		if key.Wipe(); !bytes.Equal(key.secret, make([]byte, keySize)) {
			t.Errorf("key %d is not wiped", i)
		}
	}
	root := newFileRoot(bytes.Repeat([]byte{1}, keySize))
	if !locked(t, root.secret) {
		t.Error("the root key is not locked")
	}
	if err := root.Close(); err != nil || !bytes.Equal(root.secret, make([]byte, keySize)) {
		t.Errorf("the root key is not wiped: %v", err)
	}
	for i, key := range keys[32:] {
		if !locked(t, key.secret) {
			t.Errorf("key %d is not locked", 32+i)
		}
	}
}

// locked says whether the kernel keeps the page of a secret out of swap: the flag
// "lo" of its mapping (proc(5), smaps).
func locked(t *testing.T, secret []byte) bool {
	t.Helper()
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip("not tested: ", err)
	}
	at, within := uintptr(unsafe.Pointer(&secret[0])), false
	for line := range strings.Lines(string(smaps)) {
		var from, to uintptr
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			within = from <= at && at < to
		}
		if flags, ok := strings.CutPrefix(line, "VmFlags:"); ok && within {
			return strings.Contains(flags+" ", " lo ")
		}
	}
	t.Fatal("the secret lies in no mapping")
	return false
}
