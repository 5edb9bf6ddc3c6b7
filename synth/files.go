package synth

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
)

// layout is one file of the population.
type layout struct {
	party, file string
	header      []string
}

func (l layout) path() string { return l.party + "/" + l.file }

// The files of one hospital, in the order of the hospital* constants.
var hospitalFiles = []layout{
	{file: "patients.csv", header: []string{"patient_id", "nir", "birth_name", "last_name", "first_name", "birth_date", "sex", "postcode", "city", "department", "phone", "death_date"}},
	{file: "stays.csv", header: []string{"stay_id", "patient_id", "finess", "hospital", "ward", "practitioner_id", "specialty", "kind", "entry", "exit", "exit_mode"}},
	{file: "diagnoses.csv", header: []string{"stay_id", "patient_id", "code", "rank", "date"}},
	{file: "procedures.csv", header: []string{"stay_id", "patient_id", "code", "practitioner_id", "performed_at"}},
	{file: "drugs.csv", header: []string{"stay_id", "patient_id", "atc", "label", "start_date", "end_date", "quantity", "route"}},
	{file: "observations.csv", header: []string{"stay_id", "patient_id", "loinc", "value", "unit", "text", "observed_at"}},
}

// The files of the insurer, in the order of the insurer* constants.
var insurerFiles = []layout{
	{file: "beneficiaries.csv", header: []string{"beneficiary_id", "nir", "birth_name", "last_name", "first_name", "birth_date", "sex", "postcode", "department", "death_date"}},
	{file: "coverage.csv", header: []string{"coverage_id", "beneficiary_id", "scheme", "start_date", "end_date", "long_term_illness"}},
	{file: "care.csv", header: []string{"line_id", "beneficiary_id", "date", "act", "professional_id", "specialty", "billed", "reimbursed"}},
	{file: "dispensations.csv", header: []string{"line_id", "beneficiary_id", "date", "cip13", "atc", "boxes", "days", "prescriber_id", "billed", "reimbursed"}},
	{file: "stays.csv", header: []string{"stay_id", "beneficiary_id", "finess", "entry", "exit", "kind", "principal_diagnosis", "billed", "reimbursed"}},
}

const (
	patients = iota
	stays
	diagnoses
	procedures
	drugs
	observations
)

const (
	beneficiaries = iota
	coverage
	care
	dispensations
	insurerStays
)

// layouts lists every file of the population; fileOf gives its place there.
var layouts = func() []layout {
	var all []layout
	for h := range Hospitals {
		for _, l := range hospitalFiles {
			all = append(all, layout{hospitalName(h), l.file, l.header})
		}
	}
	for _, l := range insurerFiles {
		all = append(all, layout{insurer, l.file, l.header})
	}
	return append(all, truthFiles...)
}()

func hospitalFile(h, file int) int { return h*len(hospitalFiles) + file }
func insurerFile(file int) int     { return Hospitals*len(hospitalFiles) + file }

// truthFolder has the files that say what is true.
const truthFolder = "truth"

// The files that say what is true.
var truthFiles = []layout{
	{truthFolder, "persons.csv", []string{"party", "local_key", "person"}},
	{truthFolder, "stays.csv", []string{"party", "stay", "person", "true_stay"}},
}

var truthFile, truthStays = len(layouts) - 2, len(layouts) - 1

// batch collects the rows of some persons, file by file, and what is true of them.
type batch struct {
	text []bytes.Buffer
	csv  []*csv.Writer
	rows []int
	desk
}

// desk is where records are written down: with errors at these rates, which are counted.
type desk struct {
	truth Truth
	rates Rates
	holding
}

// batchesMade counts batches, for the test that says they are few.
var batchesMade atomic.Int64

func newBatch() *batch {
	batchesMade.Add(1)
	b := &batch{text: make([]bytes.Buffer, len(layouts)), csv: make([]*csv.Writer, len(layouts))}
	for i := range layouts {
		b.csv[i] = csv.NewWriter(&b.text[i])
	}
	b.reset()
	return b
}

func (b *batch) reset() {
	b.rows = make([]int, len(layouts))
	b.truth = newTruth()
	for i := range b.text {
		b.text[i].Reset()
	}
}

// row adds one row. A csv.Writer over a bytes.Buffer fails at nothing.
func (b *batch) row(file int, fields ...string) {
	b.rows[file]++
	_ = b.csv[file].Write(fields)
}

func (b *batch) flush() {
	for _, w := range b.csv {
		w.Flush()
	}
}

// files are the open files of a population, buffered.
type files struct {
	open []*os.File
	to   []*bufio.Writer
}

func createFiles(dir string) (*files, error) {
	f := &files{}
	for _, l := range layouts {
		path := filepath.Join(dir, l.party, l.file)
		if err := mkdir(filepath.Dir(path)); err != nil {
			return nil, errors.Join(err, f.close())
		}
		file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, errors.Join(err, f.close())
		}
		w := bufio.NewWriterSize(file, 1<<16)
		f.open, f.to = append(f.open, file), append(f.to, w)
		header := csv.NewWriter(w)
		if err := header.Write(l.header); err != nil {
			return nil, errors.Join(err, f.close())
		}
		header.Flush()
	}
	return f, nil
}

// write appends a batch's rows to the files.
func (f *files) write(b *batch) error {
	for i := range f.to {
		if _, err := f.to[i].Write(b.text[i].Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// close flushes and closes every file.
func (f *files) close() error {
	var all []error
	for i := range f.open {
		all = append(all, f.to[i].Flush(), f.open[i].Close())
	}
	return errors.Join(all...)
}
