package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/keyring"
	"rempart.eu/rempart/warehouse"
)

func (a *app) keyCommand() *cobra.Command {
	return group("key", "The keys that open what lies on the host",
		a.keyInitCommand(), a.keyListCommand(), a.keyRotateCommand(), a.keyEscrowCommand(), a.keyDestroyCommand())
}

func (a *app) keyListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the key-encryption keys", Args: exactly(0),
		Example: "  rempart key list",
		RunE: func(c *cobra.Command, _ []string) (err error) {
			w, err := a.open()
			if err != nil {
				return err
			}
			ring, err := w.Keyring(c.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, ring.Close()) }()
			ids, err := ring.IDs()
			if err != nil {
				return err
			}
			return a.show(map[string]any{"root": ring.Kind(), "keys": ids}, func() error {
				a.say("The root key is of kind %s; it wraps %d keys:", ring.Kind(), len(ids))
				for _, id := range ids {
					a.say("  %s", id)
				}
				return nil
			})
		},
	}
}

// rootFlags say where a root key is to be kept.
type rootFlags struct {
	to    keyring.Config
	files warehouse.SecretFiles
}

func (f *rootFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.to.Kind, "to", "file", "where the root key is kept: file, pkcs11 or kmip")
	c.Flags().StringVar(&f.to.Module, "module", "", "pkcs11: the `library`")
	c.Flags().StringVar(&f.to.Token, "token", "", "pkcs11: the token's label")
	c.Flags().StringVar(&f.to.Label, "label", "", "pkcs11: the new key's label in the token; kmip: its name in the server")
	c.Flags().StringVar(&f.to.Endpoint, "endpoint", "", "kmip: the server's `host:port`")
	c.Flags().StringVar(&f.files.PassphraseFile, "passphrase-file", "", "file: the `file` of the new passphrase (default the configured one)")
	c.Flags().StringVar(&f.files.PINFile, "pin-file", "", "pkcs11: the `file` of the token's PIN")
	c.Flags().StringVar(&f.files.KMIPCAFile, "kmip-ca", "", "kmip: the `file` with the server's certificate authority")
	c.Flags().StringVar(&f.files.KMIPCertificateFile, "kmip-certificate", "", "kmip: the `file` with our certificate")
	c.Flags().StringVar(&f.files.KMIPKeyFile, "kmip-key", "", "kmip: the `file` with our certificate's private key")
}

// check refuses a place that is not described enough to make a key there.
func (f *rootFlags) check() error {
	switch {
	case f.to.Kind == "pkcs11" && (f.to.Module == "" || f.to.Token == "" || f.to.Label == ""):
		return usage("--to pkcs11 needs --module, --token and --label")
	case f.to.Kind == "kmip" && f.to.Endpoint == "":
		return usage("--to kmip needs --endpoint HOST:PORT")
	case f.to.Kind != "file" && f.to.Kind != "pkcs11" && f.to.Kind != "kmip":
		return usage("--to is one of: file, pkcs11, kmip")
	}
	return nil
}

const rootExamples = `  rempart key %[1]s --to pkcs11 --module /usr/lib/softhsm/libsofthsm2.so --token rempart --label root-1 --pin-file /run/secrets/pin
  rempart key %[1]s --to kmip --endpoint kms.example.org:5696 --kmip-ca ca.pem --kmip-certificate rempart.pem --kmip-key /run/secrets/rempart.key`

func (a *app) keyInitCommand() *cobra.Command {
	var root rootFlags
	c := &cobra.Command{
		Use:   "init --to KIND",
		Short: "Choose what holds the root key, before any data comes in",
		Long: `A new warehouse has its root key in a file that a passphrase protects. key init
moves it into an HSM (pkcs11), into a key server (kmip) or under another
passphrase, and is refused once data has come in: from then on, key rotate
does the same and says so in the ledger in the same way.`,
		Example: fmt.Sprintf(rootExamples, "init"),
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := root.check(); err != nil {
				return err
			}
			w, err := a.open()
			if err != nil {
				return err
			}
			n, err := w.PlaceRoot(c.Context(), root.to, root.files)
			if err != nil {
				return err
			}
			return a.show(map[string]any{"root": root.to.Kind, "keys": n}, func() error {
				a.say("The root key is of kind %s. Data can come in.", root.to.Kind)
				return nil
			})
		},
	}
	root.add(c)
	return c
}

func (a *app) keyRotateCommand() *cobra.Command {
	var root rootFlags
	c := &cobra.Command{
		Use:   "rotate",
		Short: "Replace the root key, and wrap every key anew; no data is touched",
		Long: `Makes a new root key and wraps every key-encryption key under it. --to moves the
root key into an HSM (pkcs11), into a key server (kmip) or back into a file. An
interrupted rotation leaves the old root key valid. The old key of an HSM or a
key server stays there: its administrator destroys it.`,
		Example: "  rempart key rotate\n" + fmt.Sprintf(rootExamples, "rotate"),
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := root.check(); err != nil {
				return err
			}
			w, err := a.open()
			if err != nil {
				return err
			}
			n, err := w.Rotate(c.Context(), root.to, root.files)
			if err != nil {
				return err
			}
			return a.show(map[string]any{"root": root.to.Kind, "keys": n}, func() error {
				a.say("The root key is replaced (%s): %d keys are wrapped anew, no object was touched.", root.to.Kind, n)
				return nil
			})
		},
	}
	root.add(c)
	return c
}

func (a *app) keyEscrowCommand() *cobra.Command {
	var check string
	c := &cobra.Command{
		Use:   "escrow",
		Short: "Print the escrow's public key, which every object is also sealed to, or check a copy of its private key",
		Long: `Prints the public key to which every object is sealed beside its reader. With
--check FILE it seals a random text to that key and opens it with the private
key in FILE: run it on every copy before the copy is locked away, and at each
yearly check. Nothing is written.`,
		Example: "  rempart key escrow\n  rempart key escrow --check /media/safe-1/escrow.agekey",
		Args:    exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			_, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			if check == "" {
				return a.show(map[string]string{"recipient": state.Warehouse.Escrow}, func() error {
					a.say("%s", state.Warehouse.Escrow)
					return nil
				})
			}
			if err := warehouse.CheckEscrow(state, check); err != nil {
				return err
			}
			return a.show(map[string]any{"recipient": state.Warehouse.Escrow, "opens": true}, func() error {
				a.say("%s opens what this warehouse seals to its escrow.", check)
				return nil
			})
		},
	}
	c.Flags().StringVar(&check, "check", "", "a copy of the escrow's private key: its `file`")
	return c
}

func (a *app) keyDestroyCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "destroy KEY --reason TEXT", Short: "Destroy one key: what it opens is erased", Args: exactly(1),
		Example: "  rempart key destroy release-r-88c0c199 --reason \"the hospital has asked for it\"",
		RunE: func(c *cobra.Command, args []string) error {
			if reason == "" {
				return usage("a key cannot be had back: say why with --reason")
			}
			w, err := a.open()
			if err != nil {
				return err
			}
			e, err := w.DestroyKey(c.Context(), args[0], reason)
			if err != nil {
				return err
			}
			a.say("Key %s is destroyed (statement %d).", args[0], e.Index)
			return nil
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}
