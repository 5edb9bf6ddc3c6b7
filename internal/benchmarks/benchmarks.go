// Package benchmarks measures what Rempart promises, each figure against the
// obvious alternative in the same run.
//
// A suite is a function that records measures. [Execute] runs suites, writes
// bench/latest/<suite>.json and refreshes the suite's table in
// docs/performance.md. `make bench` calls it.
package benchmarks

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Measure is one figure. Ratio is value to baseline; a measure without a
// baseline has none, and no target either.
type Measure struct {
	Name     string   `json:"name"`
	Value    float64  `json:"value"`
	Unit     string   `json:"unit"`
	Baseline *float64 `json:"baseline"`
	Ratio    *float64 `json:"ratio"`
	Target   *float64 `json:"target"` // of the ratio, or of the value where there is no baseline
	OK       bool     `json:"ok"`
}

// Run collects the measures of one suite.
type Run struct {
	Dir      string // a scratch directory that is removed afterwards
	measures []Measure
}

// Record adds a figure that stands alone.
func (r *Run) Record(name string, value float64, unit string) {
	r.add(Measure{Name: name, Value: value, Unit: unit, OK: true})
}

// AtMost adds a figure that must not exceed target.
func (r *Run) AtMost(name string, value float64, unit string, target float64) {
	r.add(Measure{Name: name, Value: value, Unit: unit, Target: &target, OK: value <= target})
}

// AtLeast adds a figure that must reach target.
func (r *Run) AtLeast(name string, value float64, unit string, target float64) {
	r.add(Measure{Name: name, Value: value, Unit: unit, Target: &target, OK: value >= target})
}

// RatioAtMost adds a figure whose ratio to a baseline must not exceed target.
func (r *Run) RatioAtMost(name string, value, baseline float64, unit string, target float64) {
	ratio := value / baseline
	r.add(Measure{name, value, unit, &baseline, &ratio, &target, ratio <= target})
}

// RatioAtLeast adds a figure whose ratio to a baseline must reach target.
func (r *Run) RatioAtLeast(name string, value, baseline float64, unit string, target float64) {
	ratio := value / baseline
	r.add(Measure{name, value, unit, &baseline, &ratio, &target, ratio >= target})
}

// Ratio adds a figure and its baseline, without a promise.
func (r *Run) Ratio(name string, value, baseline float64, unit string) {
	ratio := value / baseline
	r.add(Measure{Name: name, Value: value, Unit: unit, Baseline: &baseline, Ratio: &ratio, OK: true})
}

func (r *Run) add(m Measure) {
	r.measures = append(r.measures, m)
	mark := "✓"
	if !m.OK {
		mark = "✗"
	}
	fmt.Printf("  %s %-58s %12s %-8s %s\n", mark, m.Name, number(m.Value), m.Unit, against(m))
}

// against tells a measure's baseline, ratio and target.
func against(m Measure) string {
	var parts []string
	if m.Ratio != nil {
		parts = append(parts, fmt.Sprintf("%.2f × %s", *m.Ratio, number(*m.Baseline)))
	}
	if m.Target != nil {
		parts = append(parts, "target "+number(*m.Target))
	}
	return strings.Join(parts, ", ")
}

func number(v float64) string {
	switch {
	case v >= 1000:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// Execute runs one suite by its name, or all where the name is empty, from the
// repository's root.
func Execute(ctx context.Context, name string) error {
	names := slices.Sorted(maps.Keys(suites))
	if name != "" {
		if suites[name] == nil {
			return fmt.Errorf("there is no suite %q: choose one of %s", name, strings.Join(names, ", "))
		}
		names = []string{name}
	}
	for _, name := range names {
		if err := execute(ctx, name); err != nil {
			return fmt.Errorf("suite %s: %w", name, err)
		}
	}
	return nil
}

func execute(ctx context.Context, name string) error {
	fmt.Printf("suite %s\n", name)
	dir, err := os.MkdirTemp("", "rempart-bench-")
	if err != nil {
		return err
	}
	r := &Run{Dir: dir}
	if err := errors.Join(suites[name](ctx, r), os.RemoveAll(dir)); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r.measures, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join("bench", "latest"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join("bench", "latest", name+".json"), append(text, '\n'), 0o644); err != nil {
		return err
	}
	return publish(filepath.Join("docs", "performance.md"), name, r.measures)
}

// publish puts a suite's table between its markers in a page.
func publish(page, name string, measures []Measure) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	begin, end := "<!-- bench:"+name+" -->", "<!-- /bench:"+name+" -->"
	before, rest, opened := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !opened || !closed {
		return fmt.Errorf("%s has no place for the suite: add the lines %s and %s", page, begin, end)
	}
	var table bytes.Buffer
	fmt.Fprintf(&table, "\n%s, %s\n\n", time.Now().UTC().Format(time.DateOnly), machine())
	fmt.Fprintln(&table, "| measure | value | baseline | ratio | target | |\n|---|---:|---:|---:|---:|---|")
	for _, m := range measures {
		baseline, ratio, target, mark := "", "", "", ""
		if m.Baseline != nil {
			baseline, ratio = number(*m.Baseline), number(*m.Ratio)
		}
		if m.Target != nil {
			target, mark = number(*m.Target), map[bool]string{true: "met", false: "missed"}[m.OK]
		}
		fmt.Fprintf(&table, "| %s | %s %s | %s | %s | %s | %s |\n", m.Name, number(m.Value), m.Unit, baseline, ratio, target, mark)
	}
	return os.WriteFile(page, []byte(before+begin+table.String()+end+after), 0o644)
}

var modelName = regexp.MustCompile(`^model name\s*:\s*(.+)$`)

// machine says what measured.
func machine() string {
	model := runtime.GOARCH
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if m := modelName.FindStringSubmatch(lines.Text()); m != nil {
				model = m[1]
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s", model, runtime.NumCPU(), runtime.Version())
}

// seconds times a step.
func seconds(step func() error) (float64, error) {
	began := time.Now()
	err := step()
	return time.Since(began).Seconds(), err
}

// medianOf takes the middle one of several measurements.
func medianOf(times int, measure func() (float64, error)) (float64, error) {
	var all []float64
	for range times {
		m, err := measure()
		if err != nil {
			return 0, err
		}
		all = append(all, m)
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

// median times a step several times and returns the middle one.
func median(times int, step func() error) (float64, error) {
	return medianOf(times, func() (float64, error) { return seconds(step) })
}
