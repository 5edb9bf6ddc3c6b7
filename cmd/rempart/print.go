package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"rempart.eu/rempart/internal/atomicfile"
	"rempart.eu/rempart/internal/page"
	"rempart.eu/rempart/warehouse"
)

const (
	red   = "31"
	green = "32"
	bold  = "1"
	faint = "2"
)

// terminal says whether a person reads what is written to w.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// paint colours a text where a person reads it (https://no-color.org).
func paint(w io.Writer, colour, text string) string {
	if !terminal(w) || os.Getenv("NO_COLOR") != "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// say prints a line for people, which JSON readers do not want.
func (a *app) say(format string, args ...any) {
	if !a.json {
		fmt.Fprintf(a.out, format+"\n", args...)
	}
}

// show prints v as JSON where that was asked for, and otherwise lets text print it.
func (a *app) show(v any, text func() error) error {
	if !a.json {
		return text()
	}
	encoder := json.NewEncoder(a.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// showCSV prints CSV as JSON: an object for each row, by the names in the header.
func (a *app) showCSV(r io.Reader) error {
	lines, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return err
	}
	rows := []map[string]string{}
	for _, line := range lines[min(1, len(lines)):] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return a.show(rows, nil)
}

// table prints rows under a heading, columns aligned.
func (a *app) table(heading []string, rows [][]string) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	if _, err := fmt.Fprintln(w, strings.ToUpper(strings.Join(heading, "\t"))); err != nil {
		return err
	}
	for _, row := range rows {
		if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// pairs prints names and what is said of them, aligned.
func (a *app) pairs(rows [][]string) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if _, err := fmt.Fprintln(w, paint(a.out, faint, row[0])+"\t"+strings.Join(row[1:], "\t")); err != nil {
			return err
		}
	}
	return w.Flush()
}

// count writes a number with thin groups: 12 345 678.
func count[N int | int64 | uint64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + " " + digits[i:]
	}
	return digits
}

// size writes bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

func day(t time.Time) string    { return t.UTC().Format(time.DateOnly) }
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// bar shows a step's progress on a terminal; elsewhere it shows nothing. done
// ends it.
func (a *app) bar(title string) (progress warehouse.Progress, done func()) {
	if !terminal(a.err) || a.json {
		return nil, func() {}
	}
	bars := mpb.New(mpb.WithOutput(a.err), mpb.WithWidth(32), mpb.WithRefreshRate(100*time.Millisecond))
	var what atomic.Value // the step, read by the bar's own goroutine
	what.Store("")
	bar := bars.New(0, mpb.BarStyle().Lbound("").Rbound("").Filler("━").Tip("━").Padding("─"),
		mpb.PrependDecorators(decor.Name(title, decor.WC{W: 12, C: decor.DindentRight})),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return what.Load().(string) })),
		mpb.BarRemoveOnComplete())
	return func(step string, n, total int64) {
			what.Store(step)
			if total > 0 {
				bar.SetTotal(total, false)
				bar.SetCurrent(min(n, total-1))
			}
		}, func() {
			bar.SetTotal(1, true)
			bars.Wait()
		}
}

// writeReport writes a report to a file.
func writeReport(path string, p page.Page) error {
	var text bytes.Buffer
	if err := p.Write(&text); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // a report of counts is no secret
		return err
	}
	return atomicfile.Write(path, text.Bytes(), 0o644)
}

// asFlag adds --as.
func asFlag(c *cobra.Command, as *string, who string) {
	c.Flags().StringVar(as, "as", "", "the `party` that acts: "+who)
}
