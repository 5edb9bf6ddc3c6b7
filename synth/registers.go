package synth

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Registers are two registers of the same persons, as two desks wrote them down
// without a number of identity, to measure linkage by names and traits. Each
// register also holds persons whom the other does not have.
type Registers struct {
	Persons int    // in both
	Others  int    // in each, besides
	Seed    uint64 // same seed, persons and rates: same bytes
	Rates   *Rates // of errors; nil is DefaultRates
}

// registerColumns are those of both registers. The numbers of two registers tell nothing.
var registerColumns = []string{"record_id", "last_name", "birth_name", "first_name", "birth_date", "sex", "postcode"}

// Write writes both registers and the truth (l, r: record_id of one person in
// each) as CSV with a header. Memory does not grow with the persons.
func (o Registers) Write(ctx context.Context, left, right, truth io.Writer) error {
	if o.Persons < 1 || o.Others < 0 || o.Persons+2*o.Others > MaxPersons {
		return fmt.Errorf("registers of %d persons and %d others: ask for 1 to %d in all", o.Persons, o.Others, MaxPersons)
	}
	rates := Options{Rates: o.Rates}.rates()
	out := [3]io.Writer{left, right, truth}
	for i, header := range [3][]string{registerColumns, registerColumns, {"l", "r"}} {
		w := csv.NewWriter(out[i])
		if err := errors.Join(w.Write(header), flushed(w)); err != nil {
			return err
		}
	}
	w := world{seed: o.Seed, rates: rates}
	return inOrder(ctx, o.Persons+2*o.Others, batchPersons, func() *registers { return newRegisters(rates) },
		func(b *registers, first, last int) {
			for i := first; i < last; i++ {
				p := w.person(i)
				inLeft := i < o.Persons+o.Others
				inRight := i < o.Persons || !inLeft
				if inLeft {
					b.record(newSource(o.Seed, i, forHospital), p, 0, "a", i)
				}
				if inRight {
					b.record(newSource(o.Seed, i, forHospital+1), p, 1, "b", i)
				}
				if inLeft && inRight {
					_ = b.csv[2].Write([]string{registerNumber("a", i), registerNumber("b", i)}) // to memory
				}
			}
			for _, w := range b.csv {
				w.Flush()
			}
		},
		func(b *registers) error {
			for i := range out {
				if _, err := b.text[i].WriteTo(out[i]); err != nil {
					return err
				}
			}
			return nil
		})
}

// registers is a batch of both registers and the truth.
type registers struct {
	desk
	text [3]bytes.Buffer
	csv  [3]*csv.Writer
}

func newRegisters(rates Rates) *registers {
	b := &registers{desk: desk{truth: newTruth(), rates: rates}}
	for i := range b.csv {
		b.csv[i] = csv.NewWriter(&b.text[i])
	}
	return b
}

func (b *registers) record(s source, p *person, side int, prefix string, i int) {
	id := b.identity(s, p, side)
	_ = b.csv[side].Write([]string{registerNumber(prefix, i), id.lastName, id.birthName, id.firstName, id.birth.Format(time.DateOnly), id.sex, id.home.postcode}) // to memory
}

// registerNumber does not show in its order who is who.
func registerNumber(prefix string, i int) string {
	return prefix + strconv.FormatUint(splitmix(uint64(i)^uint64(prefix[0]))>>16, 36)
}

func flushed(w *csv.Writer) error {
	w.Flush()
	return w.Error()
}
