package assess

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"filippo.io/age"
	"github.com/goccy/go-yaml"
	"golang.org/x/sync/errgroup"

	"rempart.eu/rempart/host"
	"rempart.eu/rempart/ledger"
)

// Tariff is what a host asks for. A GB is 10^9 bytes.
type Tariff struct {
	Currency    string  `yaml:"currency" json:"currency"`
	Egress      float64 `yaml:"egress_per_gb" json:"egress_per_gb"`
	EgressFree  float64 `yaml:"egress_free_gb" json:"egress_free_gb"`
	Reads       float64 `yaml:"reads_per_1000" json:"reads_per_1000"`
	Storage     float64 `yaml:"storage_per_gb_month" json:"storage_per_gb_month"`
	SideBySide  float64 `yaml:"months_side_by_side" json:"months_side_by_side"` // that both hosts are paid
	Termination float64 `yaml:"termination_fee" json:"termination_fee"`
}

// ReadTariff reads a tariff in YAML or JSON, strictly.
func ReadTariff(r io.Reader) (t Tariff, err error) {
	if err := yaml.NewDecoder(r, yaml.Strict()).Decode(&t); err != nil {
		return t, fmt.Errorf("tariff: %w", err)
	}
	if t.Currency == "" {
		return t, errors.New("tariff: say the currency, such as EUR")
	}
	for name, price := range map[string]float64{
		"egress_per_gb": t.Egress, "egress_free_gb": t.EgressFree, "reads_per_1000": t.Reads,
		"storage_per_gb_month": t.Storage, "months_side_by_side": t.SideBySide, "termination_fee": t.Termination,
	} {
		if price < 0 || math.IsNaN(price) || math.IsInf(price, 0) {
			return t, fmt.Errorf("tariff: %s: want a number that is not negative, got %v", name, price)
		}
	}
	return t, nil
}

// ExitPlan says what leaving a host takes.
type ExitPlan struct {
	Host    string    `json:"host"`
	Objects int       `json:"objects"`
	Bytes   int64     `json:"bytes"`
	Reads   int64     `json:"reads"` // requests: each object's size and its pieces of readPiece, and the list
	Sample  Rehearsal `json:"sample"`
	Seconds float64   `json:"seconds"` // at the sample's rate; the new host's rate is not in it
	Cost    *ExitCost `json:"cost,omitempty"`
}

// readPiece is how much one request fetches, in bytes (host.S3).
const readPiece = 4 << 20

// ExitCost is what the host will ask for, in the tariff's currency.
type ExitCost struct {
	Tariff      Tariff  `json:"tariff"`
	Egress      float64 `json:"egress"`
	Reads       float64 `json:"reads"`
	Storage     float64 `json:"storage"` // while both hosts are paid
	Termination float64 `json:"termination"`
	Total       float64 `json:"total"`
}

// Rehearsal is what came of taking a sample out.
type Rehearsal struct {
	Objects int      `json:"objects"`
	Bytes   int64    `json:"bytes"`
	Seconds float64  `json:"seconds"`
	Opened  int      `json:"opened"`        // by the escrow's identity alone
	Plain   int64    `json:"plain"`         // bytes that came of it, padding included
	Dir     string   `json:"dir,omitempty"` // where the sealed objects lie
	Faults  []string `json:"faults,omitempty"`
}

// Rate is the sample's rate, in 10^6 bytes a second.
func (r Rehearsal) Rate() float64 {
	if r.Seconds == 0 {
		return 0
	}
	return float64(r.Bytes) / 1e6 / r.Seconds
}

// RehearseOptions say how an exit is rehearsed.
type RehearseOptions struct {
	Sample   int          // objects, drawn at random
	Parallel int          // at the same time
	Dir      string       // sealed objects are left here; "" leaves none
	Escrow   age.Identity // opens them; nil opens none
}

// Rehearse reads a sample of the objects that the ledger names, compares each
// with its digest, writes it, sealed, to the folder, and opens it from there
// with the escrow's identity and the stock age library: no keyring, no ledger,
// nothing of the warehouse. What is opened is counted and not kept.
func Rehearse(ctx context.Context, store host.Store, objects []ledger.Object, o RehearseOptions) (Rehearsal, error) {
	sample := append([]ledger.Object(nil), objects...)
	rand.Shuffle(len(sample), func(i, j int) { sample[i], sample[j] = sample[j], sample[i] })
	sample = sample[:min(len(sample), max(o.Sample, 0))]
	r := Rehearsal{Objects: len(sample), Dir: o.Dir}
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return r, fmt.Errorf("rehearse: %w", err)
		}
	}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(max(o.Parallel, 1))
	begin := time.Now()
	for _, object := range sample {
		group.Go(func() error {
			n, err := fetch(ctx, store, object, o.Dir)
			mu.Lock()
			defer mu.Unlock()
			r.Bytes += n
			if err != nil {
				r.Faults = append(r.Faults, err.Error())
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return r, err
	}
	r.Seconds = time.Since(begin).Seconds()
	if o.Escrow == nil || o.Dir == "" {
		return r, nil
	}
	for _, object := range sample {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		n, err := openSealed(filepath.Join(o.Dir, object.Name+".age"), o.Escrow)
		if err != nil {
			r.Faults = append(r.Faults, fmt.Sprintf("object %s: %v", object.Name, err))
			continue
		}
		r.Opened++
		r.Plain += n
	}
	return r, nil
}

// fetch reads an object whole and leaves it, sealed as it is, in a folder.
func fetch(ctx context.Context, store host.Store, object ledger.Object, dir string) (n int64, err error) {
	o, err := store.Open(ctx, object.Name)
	if err != nil {
		return 0, fmt.Errorf("object %s: %w", object.Name, err)
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	sum := sha256.New()
	to := io.Writer(sum)
	if dir != "" {
		f, err := os.OpenFile(filepath.Join(dir, object.Name+".age"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return 0, fmt.Errorf("rehearse: %w", err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		to = io.MultiWriter(sum, f)
	}
	n, err = io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{io.NewSectionReader(o, 0, o.Size())}, make([]byte, 1<<20))
	if err != nil {
		return n, fmt.Errorf("object %s: %w", object.Name, err)
	}
	if n != object.Size || ledger.Digest(hex.EncodeToString(sum.Sum(nil))) != object.SHA256 {
		return n, fmt.Errorf("object %s is not what the ledger names", object.Name)
	}
	return n, nil
}

// openSealed opens a file as age -d does.
func openSealed(path string, escrow age.Identity) (n int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	plain, err := age.Decrypt(f, escrow)
	if err != nil {
		return 0, err
	}
	return io.Copy(io.Discard, plain)
}

// PlanExit computes what leaving takes, from the objects that the ledger names,
// a sample that was read, and a tariff, which may be nil.
func PlanExit(name string, objects []ledger.Object, sample Rehearsal, tariff *Tariff) ExitPlan {
	p := ExitPlan{Host: name, Objects: len(objects), Sample: sample}
	for _, o := range objects {
		p.Bytes += o.Size
		p.Reads += 1 + max(1, (o.Size+readPiece-1)/readPiece)
	}
	p.Reads += int64(len(objects)+999) / 1000 // pages of the list
	if rate := sample.Rate(); rate > 0 {
		p.Seconds = float64(p.Bytes) / 1e6 / rate
	}
	if tariff == nil {
		return p
	}
	gb := float64(p.Bytes) / 1e9
	c := &ExitCost{Tariff: *tariff, Termination: tariff.Termination}
	c.Egress = max(0, gb-tariff.EgressFree) * tariff.Egress
	c.Reads = float64(p.Reads) / 1000 * tariff.Reads
	c.Storage = gb * tariff.Storage * tariff.SideBySide
	c.Total = c.Egress + c.Reads + c.Storage + c.Termination
	p.Cost = c
	return p
}
