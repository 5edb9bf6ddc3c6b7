package keyring_test

import (
	"errors"
	"testing"

	"github.com/miekg/pkcs11"

	"rempart.eu/rempart/keyring"
)

// The root key cannot be taken out of its token, not even by who knows the PIN,
// and nobody can make it one that can.
func TestAnHSMsKeyCannotBeTakenOut(t *testing.T) {
	config := keyring.Config{Kind: "pkcs11", Module: softHSM(t), Token: "rempart", Label: t.Name()}
	ring, err := keyring.Create(t.Context(), t.TempDir(), config, passphrase("1234"))
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	module := pkcs11.New(config.Module)
	if err := module.Initialize(); err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
		t.Fatal(err)
	}
	slots, err := module.GetSlotList(true)
	if err != nil {
		t.Fatal(err)
	}
	var keys []pkcs11.ObjectHandle
	var session pkcs11.SessionHandle
	for _, slot := range slots {
		if session, err = module.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION); err != nil {
			t.Fatal(err)
		}
		defer module.CloseSession(session)
		if err := module.FindObjectsInit(session, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, config.Label)}); err != nil {
			t.Fatal(err)
		}
		keys, _, err = module.FindObjects(session, 2)
		if err := errors.Join(err, module.FindObjectsFinal(session)); err != nil {
			t.Fatal(err)
		}
		if len(keys) > 0 {
			break
		}
	}
	if len(keys) != 1 {
		t.Fatalf("the token has %d keys %q", len(keys), config.Label)
	}
	for name, c := range map[string]struct {
		attribute uint
		want      byte
	}{"sensitive": {pkcs11.CKA_SENSITIVE, 1}, "extractable": {pkcs11.CKA_EXTRACTABLE, 0}, "never extractable": {pkcs11.CKA_NEVER_EXTRACTABLE, 1}} {
		got, err := module.GetAttributeValue(session, keys[0], []*pkcs11.Attribute{pkcs11.NewAttribute(c.attribute, nil)})
		if err != nil || len(got) != 1 || len(got[0].Value) != 1 || got[0].Value[0] != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if got, err := module.GetAttributeValue(session, keys[0], []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_VALUE, nil)}); err == nil {
		t.Errorf("the token gives the key out: %d bytes", len(got[0].Value))
	}
	if module.SetAttributeValue(session, keys[0], []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, true)}) == nil {
		t.Error("the key was made one that can be taken out")
	}
}
