package benchmarks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	circl "github.com/cloudflare/circl/oprf"
	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/linkage/service"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/pseudonym/oblivious"
	"rempart.eu/rempart/warehouse"
)

// pseudonyms measures what one core makes, and the service of an authority.
func (b *intakeRun) pseudonyms(ctx context.Context) error {
	return errors.Join(b.keyed(), b.oblivious(), b.service(ctx))
}

// onOneCore runs a step again and again for a second, on one core, and returns
// how many times a second it ran.
func onOneCore(step func() error) (float64, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var times int
	began := time.Now()
	for time.Since(began) < time.Second {
		for range 16 {
			if err := step(); err != nil {
				return 0, err
			}
		}
		times += 16
	}
	return float64(times) / time.Since(began).Seconds(), nil
}

// keyed measures both passes, three tokens a person in the first, against an HMAC
// that is keyed anew for each token.
func (b *intakeRun) keyed() error {
	secret := bytes.Repeat([]byte{7}, pseudonym.SecretSize)
	provider, err := pseudonym.NewProviderKey(secret)
	if err != nil {
		return err
	}
	authority, err := pseudonym.NewAuthorityKey(secret)
	if err != nil {
		return err
	}
	someone := pseudonym.Identity{NIR: "295109912611193", LastName: "Bertrand", FirstName: "Anne-Laure", BirthDate: "1995-10-14", Sex: "F"}
	tokens, err := provider.Tokens(someone)
	if err != nil {
		return err
	}
	raw, err := onOneCore(func() error { _, err := provider.Tokens(someone); return err })
	if err != nil {
		return err
	}
	inputs, _ := pseudonym.Read(someone) // nothing of it is malformed
	first, err := onOneCore(func() error { provider.TokensOf(inputs); return nil })
	if err != nil {
		return err
	}
	second, err := onOneCore(func() error { authority.Second(tokens.A, pseudonym.ByIdentifier); return nil })
	if err != nil {
		return err
	}
	var sum [sha256.Size]byte
	anew, err := onOneCore(func() error {
		h := hmac.New(sha256.New, secret)
		h.Write(tokens.A[:])
		h.Sum(sum[:0])
		return nil
	})
	if err != nil {
		return err
	}
	const million = 1e6
	b.AtLeast("keyed tokens, the provider's pass over normalised traits, one core", 3*first/million, "M/s", 2)
	b.Record("the same with the normalisation of the traits, one core", 3*raw/million, "M/s")
	b.AtLeast("keyed tokens, the authority's pass, one core", second/million, "M/s", 2)
	b.Ratio("the same; an HMAC that is keyed for each", second/million, anew/million, "M/s")
	return nil
}

// obliviousBatch is how many inputs are evaluated at once.
const obliviousBatch = 1024

// oblivious measures the authority's evaluations, each batch with its proof,
// against circl's of the same RFC.
func (b *intakeRun) oblivious() error {
	key, err := oblivious.DeriveKey(bytes.Repeat([]byte{1}, oblivious.SeedSize), []byte("benchmark"))
	if err != nil {
		return err
	}
	inputs := make([][]byte, obliviousBatch)
	for i := range inputs {
		inputs[i] = fmt.Appendf(nil, "nir\x1f%013d", i)
	}
	blinding, err := key.Public().Blind(inputs)
	if err != nil {
		return err
	}
	ours, err := onOneCore(func() error { _, _, err := key.Evaluate(blinding.Request()); return err })
	if err != nil {
		return err
	}
	suite := circl.SuiteRistretto255
	private, err := circl.GenerateKey(suite, rand.Reader)
	if err != nil {
		return err
	}
	_, request, err := circl.NewVerifiableClient(suite, private.Public()).Blind(inputs)
	if err != nil {
		return err
	}
	server := circl.NewVerifiableServer(suite, private)
	theirs, err := onOneCore(func() error { _, err := server.Evaluate(request); return err })
	if err != nil {
		return err
	}
	b.AtLeast("oblivious evaluations with proofs (RFC 9497), one core", ours*obliviousBatch, "1/s", 10_000)
	b.Ratio("the same; circl's", ours*obliviousBatch, theirs*obliviousBatch, "1/s")
	return nil
}

// service measures the authority's service as it runs in life: a process of its
// own, which signs, counts and keeps every pseudonym on disk before it answers.
func (b *intakeRun) service(ctx context.Context) error {
	url, stop, err := b.serve(ctx)
	if err != nil {
		return err
	}
	client, err := b.client(ctx, url)
	if err != nil {
		return errors.Join(err, stop())
	}
	const requests = 120
	ask := func(from int) (float64, error) {
		s, err := seconds(func() error {
			var group errgroup.Group
			group.SetLimit(4)
			for i := range requests {
				group.Go(func() error {
					tokens := make([]pseudonym.ProviderToken, service.MaxTokens)
					for j := range tokens {
						copy(tokens[j][:], strconv.Itoa(1_000_000_000_000_000+(from+i)*service.MaxTokens+j))
					}
					_, err := client.Pseudonyms(ctx, "linkage", pseudonym.ByIdentifier, tokens)
					return err
				})
			}
			return group.Wait()
		})
		return requests * service.MaxTokens / s, err
	}
	fresh, err := ask(0)
	if err == nil {
		var known float64
		if known, err = ask(0); err == nil {
			b.AtLeast("pseudonym service over HTTP, new identities, in batches", fresh, "1/s", 60_000)
			b.AtLeast("pseudonym service over HTTP, known identities", known, "1/s", 60_000)
		}
	}
	return errors.Join(err, stop())
}

// serve starts the service as the command does.
func (b *intakeRun) serve(ctx context.Context) (url string, stop func() error, err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0") // a port that is free
	if err != nil {
		return "", nil, err
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return "", nil, err
	}
	c := exec.CommandContext(ctx, filepath.Join("bin", "rempart"), "linkage", "serve", "--home", b.home, "--listen", address, "--keyed-rate", "1e9")
	var said bytes.Buffer
	c.Stdout, c.Stderr, c.WaitDelay = &said, &said, 10*time.Second
	if err := c.Start(); err != nil {
		return "", nil, fmt.Errorf("%w: make build makes it", err)
	}
	stop = func() error {
		err := errors.Join(c.Process.Signal(syscall.SIGTERM), c.Wait())
		if err != nil {
			return fmt.Errorf("the service: %w: %s", err, said.String())
		}
		return nil
	}
	for range 500 {
		if c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address); err == nil {
			return "https://" + address, stop, c.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return "", nil, errors.Join(errors.New("the service does not answer"), stop())
}

// client asks in the name of the benchmark's provider.
func (b *intakeRun) client(ctx context.Context, url string) (*service.Client, error) {
	text, err := os.ReadFile(filepath.Join(b.home, "parties", "insurer", "signing.key"))
	if err != nil {
		return nil, err
	}
	seed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, err
	}
	signing, err := ledger.KeyFromSeed(seed)
	if err != nil {
		return nil, err
	}
	w, err := warehouse.Open(b.home)
	if err != nil {
		return nil, err
	}
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	config, err := w.TLSTo("insurer", "ttp")
	if err != nil {
		return nil, err
	}
	return &service.Client{URL: url, Party: "insurer", Signing: signing, Authority: "ttp", Key: state.Parties["ttp"].Signing,
		HTTP: service.NewHTTP(config), Now: time.Now}, nil
}
