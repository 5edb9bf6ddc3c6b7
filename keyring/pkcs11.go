package keyring

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/pkcs11"
)

// PKCS11 is a root key inside an HSM: an AES-256 key that cannot be taken out.
// Wrapping and unwrapping happen in the token (CKM_AES_GCM, PKCS #11 v2.40,
// section 2.12): a 12-byte nonce, then the ciphertext with its tag; the id is
// authenticated with it.
type PKCS11 struct {
	module  *pkcs11.Ctx
	session pkcs11.SessionHandle
	key     pkcs11.ObjectHandle
}

const (
	gcmNonce = 12
	gcmTag   = 128 // bits
)

// createPKCS11 makes the key in the token; it must not exist yet.
func createPKCS11(_ context.Context, c Config, pin func() (string, error)) (*PKCS11, error) {
	p, err := login(c, pin)
	if err != nil {
		return nil, err
	}
	if err := p.find(c.Label); err == nil {
		return nil, errors.Join(fmt.Errorf("the token %q has a key %q already: choose another --label", c.Token, c.Label), p.Close())
	}
	p.key, err = p.module.GenerateKey(p.session,
		[]*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_KEY_GEN, nil)},
		[]*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
			pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES),
			pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32),
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, c.Label),
			pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
			pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
			pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
			pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
			pkcs11.NewAttribute(pkcs11.CKA_ENCRYPT, true),
			pkcs11.NewAttribute(pkcs11.CKA_DECRYPT, true),
		})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a key in the token %q: %w", c.Token, err), p.Close())
	}
	return p, nil
}

func openPKCS11(_ context.Context, c Config, pin func() (string, error)) (*PKCS11, error) {
	p, err := login(c, pin)
	if err != nil {
		return nil, err
	}
	if err := p.find(c.Label); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// login loads the module and opens a session with the token.
func login(c Config, pin func() (string, error)) (*PKCS11, error) {
	p := &PKCS11{module: pkcs11.New(c.Module)}
	if p.module == nil {
		return nil, fmt.Errorf("load the PKCS#11 module %q: it is not there or is no PKCS#11 library", c.Module)
	}
	if err := p.module.Initialize(); err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
		return nil, fmt.Errorf("start the PKCS#11 module %q: %w", c.Module, err)
	}
	slots, err := p.module.GetSlotList(true)
	if err != nil {
		return nil, fmt.Errorf("list the tokens of %q: %w", c.Module, err)
	}
	for _, slot := range slots {
		info, err := p.module.GetTokenInfo(slot)
		if err != nil || strings.TrimRight(info.Label, " \x00") != c.Token {
			continue
		}
		if p.session, err = p.module.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION); err != nil {
			return nil, fmt.Errorf("open a session with the token %q: %w", c.Token, err)
		}
		text, err := pin()
		if err != nil {
			return nil, err
		}
		if err := p.module.Login(p.session, pkcs11.CKU_USER, text); err != nil && !errors.Is(err, pkcs11.Error(pkcs11.CKR_USER_ALREADY_LOGGED_IN)) {
			return nil, fmt.Errorf("log in to the token %q: %w", c.Token, err)
		}
		return p, nil
	}
	return nil, fmt.Errorf("the module %q has no token %q", c.Module, c.Token)
}

// find looks the key up by its label.
func (p *PKCS11) find(label string) error {
	err := p.module.FindObjectsInit(p.session, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
	})
	if err != nil {
		return fmt.Errorf("look for the key %q in the token: %w", label, err)
	}
	found, _, err := p.module.FindObjects(p.session, 2)
	if err := errors.Join(err, p.module.FindObjectsFinal(p.session)); err != nil {
		return fmt.Errorf("look for the key %q in the token: %w", label, err)
	}
	if len(found) != 1 {
		return fmt.Errorf("the token has %d keys %q, want one", len(found), label)
	}
	p.key = found[0]
	return nil
}

func (p *PKCS11) mechanism(nonce []byte, id string) ([]*pkcs11.Mechanism, func()) {
	params := pkcs11.NewGCMParams(nonce, []byte(id), gcmTag)
	return []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_AES_GCM, params)}, params.Free
}

// Wrap implements [Root]. The nonce comes from the token's own random source.
func (p *PKCS11) Wrap(_ context.Context, id string, key []byte) ([]byte, error) {
	nonce, err := p.module.GenerateRandom(p.session, gcmNonce)
	if err != nil {
		return nil, fmt.Errorf("ask the token for randomness: %w", err)
	}
	mechanism, free := p.mechanism(nonce, id)
	defer free()
	if err := p.module.EncryptInit(p.session, mechanism, p.key); err != nil {
		return nil, fmt.Errorf("wrap in the token: %w", err)
	}
	wrapped, err := p.module.Encrypt(p.session, key)
	if err != nil {
		return nil, fmt.Errorf("wrap in the token: %w", err)
	}
	return append(nonce, wrapped...), nil
}

// Unwrap implements [Root].
func (p *PKCS11) Unwrap(_ context.Context, id string, wrapped []byte) ([]byte, error) {
	if len(wrapped) < gcmNonce {
		return nil, errors.New("too short")
	}
	mechanism, free := p.mechanism(wrapped[:gcmNonce], id)
	defer free()
	if err := p.module.DecryptInit(p.session, mechanism, p.key); err != nil {
		return nil, fmt.Errorf("unwrap in the token: %w", err)
	}
	key, err := p.module.Decrypt(p.session, wrapped[gcmNonce:])
	if err != nil {
		return nil, fmt.Errorf("unwrap in the token: %w", err)
	}
	return key, nil
}

// Close implements [Root]. The module stays loaded: other sessions may use it.
func (p *PKCS11) Close() error { return p.module.CloseSession(p.session) }
