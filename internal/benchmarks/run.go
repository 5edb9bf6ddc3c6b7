package benchmarks

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rempart.eu/rempart/airlock/disclosure"
	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/run"
	"rempart.eu/rempart/run/environment"

	_ "embed"
)

// runBench measures what the sandbox costs, and what stands around it.
func runBench(ctx context.Context, r *Run) error {
	for _, part := range []func(context.Context, *Run) error{sandboxStart, sandboxScan, airlockReport, trainingTable, questionAsked, queueDrained} {
		if err := part(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// studies is the Python environment of studies, made once.
func studies(ctx context.Context) (run.Environment, error) {
	core, err := environment.Read("core")
	if err != nil {
		return run.Environment{}, err
	}
	built, err := core.Build(ctx, environment.Options{})
	if err != nil {
		return run.Environment{}, err
	}
	return run.FindEnvironment(built.Dir)
}

// sandboxStart is a program that does nothing, in the sandbox and as a bare process.
func sandboxStart(ctx context.Context, r *Run) error {
	env, err := run.FindEnvironment("/usr/bin/python3")
	if err != nil {
		return err
	}
	const times = 21
	bare, err := median(times, func() error { return exec.CommandContext(ctx, env.Interpreter, "-I", "-c", "pass").Run() })
	if err != nil {
		return err
	}
	inside, err := median(times, func() error {
		_, err := run.Execute(ctx, run.Job{Language: run.Python, Environment: env, Code: []byte("pass")}, io.Discard, io.Discard)
		return err
	})
	if err != nil {
		return err
	}
	r.Ratio("a program that does nothing, in the sandbox, against a bare process", inside*1000, bare*1000, "ms")
	r.AtMost("what the sandbox adds", (inside-bare)*1000, "ms", 100)
	return nil
}

// scanScript reads a Parquet file several times, and says how long one reading took.
//
//go:embed run_scan.py
var scanScript []byte

// sandboxScan reads a file of 20 million rows inside and outside of the sandbox,
// from memory both times.
func sandboxScan(ctx context.Context, r *Run) (err error) {
	env, err := studies(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("/dev/shm", "rempart-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o755); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "outputs"), 0o755); err != nil {
		return err
	}
	var table bytes.Buffer
	db, err := engine.Open(ctx)
	if err != nil {
		return err
	}
	err = db.CopyOut(ctx, "SELECT i AS person_id, hash(i) % 100000 AS concept_id, (hash(i) % 1000) / 10.0 AS value FROM range(20000000) t(i)", engine.Parquet, &table)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "t.parquet"), table.Bytes(), 0o600); err != nil {
		return err
	}
	script := filepath.Join(dir, "scan.py")
	if err := os.WriteFile(script, scanScript, 0o600); err != nil {
		return err
	}
	bare := exec.CommandContext(ctx, env.Interpreter, script)
	bare.Dir = dir
	if out, err := bare.CombinedOutput(); err != nil {
		return fmt.Errorf("scan outside of the sandbox: %w: %s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "outputs", "seconds.txt"))
	if err != nil {
		return err
	}
	outside, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return err
	}
	var outputs bytes.Buffer
	if _, err := run.Execute(ctx, run.Job{Language: run.Python, Environment: env, Code: scanScript, Limits: run.Limits{Time: 10 * time.Minute},
		Inputs: []run.Input{{Name: "t.parquet", Content: &table}}}, &outputs, io.Discard); err != nil {
		return err
	}
	files := tar.NewReader(&outputs)
	if _, err := files.Next(); err != nil {
		return err
	}
	if text, err = io.ReadAll(files); err != nil {
		return err
	}
	inside, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return err
	}
	r.RatioAtMost("scan 20 million rows in the sandbox, against outside", inside, outside, "s", 1.1)
	return nil
}

// airlockReport examines a table of 1,000 rows and 50 columns, as the airlock does.
func airlockReport(_ context.Context, r *Run) error {
	var table strings.Builder
	table.WriteString("group")
	for c := range 49 {
		fmt.Fprintf(&table, ",measure_%d", c)
	}
	table.WriteString("\n")
	for row := range 1000 {
		fmt.Fprintf(&table, "g%d", row)
		for c := range 49 {
			fmt.Fprintf(&table, ",%d", 11+(row*7919+c*104729)%5000)
		}
		table.WriteString("\n")
	}
	data := []byte(table.String())
	s, err := median(5, func() error {
		_, err := disclosure.Examine(disclosure.Output{Name: "table.csv", Data: data, Size: int64(len(data))}, disclosure.Standard(11))
		return err
	})
	if err != nil {
		return err
	}
	r.AtMost("the airlock's report of a table of 1,000 × 50", s, "s", 1)
	return nil
}
