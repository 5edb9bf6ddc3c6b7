package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/linkage/clk"
)

// clkLinkOptions are the flags of linkage clk link.
type clkLinkOptions struct {
	clk.Options
	truth, out string
	blocked    bool
}

func (a *app) clkLinkCommand() *cobra.Command {
	var o clkLinkOptions
	c := &cobra.Command{
		Use:   "link LEFT RIGHT",
		Short: "Link two files of filters one to one, without the key",
		Long: `Pairs the filters of two providers that are the most similar (Dice), one to one.
Without --threshold one is found that one in a thousand of the second most similar passes;
for fewer than a thousand records it is 0.85 at least, and the band reaches down to what they
pass. Pairs in the band below the threshold, and ties, are for a person to decide: --out has both.`,
		Example: `  rempart linkage clk link patients.clk registry.clk --out pairs.csv
  rempart linkage clk link patients.clk registry.clk --threshold 0.85 --band 0.1 --truth known.csv --json`,
		Args: exactly(2),
		RunE: func(c *cobra.Command, args []string) error { return a.linkCLKs(c, args, o) },
	}
	c.Flags().Float64Var(&o.Threshold, "threshold", 0, "the similarity, above 0 to 1, from which a pair is linked (default one that is found)")
	c.Flags().Float64Var(&o.Band, "band", clk.DefaultBand, "how far below the threshold a pair is for a person to decide")
	c.Flags().BoolVar(&o.blocked, "lsh", false, "compare likely pairs alone, by locality-sensitive hashing; large files always do")
	c.Flags().StringVar(&o.truth, "truth", "", "a CSV `file` of known pairs, two names of records a row, to measure against")
	c.Flags().StringVar(&o.out, "out", "", "write the pairs to this CSV `file`")
	return c
}

// linkedCLKs is what linkage clk link prints.
type linkedCLKs struct {
	Left       int           `json:"left"`
	Right      int           `json:"right"`
	Compared   int64         `json:"compared"`
	Threshold  float64       `json:"threshold"`
	Low        float64       `json:"low"` // where the clerical band ends
	Linked     int           `json:"linked"`
	Clerical   int           `json:"clerical"` // for a person to decide
	Tied       int           `json:"tied"`     // of them
	LeftAlone  int           `json:"left_alone"`
	RightAlone int           `json:"right_alone"`
	Measured   *clk.Measured `json:"measured,omitempty"`
	Warnings   []string      `json:"warnings"`
}

func (a *app) linkCLKs(c *cobra.Command, args []string, o clkLinkOptions) error {
	if c.Flags().Changed("threshold") && !(o.Threshold > 0 && o.Threshold <= 1) || !(o.Band > 0 && o.Band <= 1) {
		return usage("--threshold and --band are above 0, and 1 at most")
	}
	var files [2]*clk.File
	for i, name := range args {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		files[i], err = clk.Read(f)
		if f.Close(); err != nil {
			return fmt.Errorf("%w: ask who made the file for it anew", placed(name, err))
		}
	}
	left, right := files[0], files[1]
	if left.Key != right.Key {
		return &governance.Refusal{
			Reason: fmt.Sprintf("the files were made with two keys, or one of them salted by year: %s and %s", left.Key, right.Key),
			Remedy: "Make one of them anew with the other's key: rempart linkage clk encode",
		}
	}
	if !slices.Equal(left.Traits, right.Traits) {
		return &governance.Refusal{
			Reason: fmt.Sprintf("the files are of other traits (%s; %s), so that one person's filters look like two persons'", strings.Join(left.Traits, ", "), strings.Join(right.Traits, ", ")),
			Remedy: "Make both with the traits that both have: rempart linkage clk encode --traits " + strings.Join(slices.DeleteFunc(slices.Clone(left.Traits), func(t string) bool { return !slices.Contains(right.Traits, t) }), ","),
		}
	}
	if o.blocked {
		o.Blocking = &clk.DefaultLSH
	}
	found, err := clk.Link(c.Context(), left.CLKs, right.CLKs, o.Options)
	if err != nil {
		return err
	}
	l := linkedCLKs{
		Left: len(left.CLKs), Right: len(right.CLKs), Compared: found.Compared, Threshold: found.Threshold, Low: found.Low,
		Linked: len(found.Linked), Clerical: len(found.Clerical),
		LeftAlone: len(left.CLKs) - len(found.Linked), RightAlone: len(right.CLKs) - len(found.Linked),
		Warnings: clkWarnings(left, right, found, o.Threshold == 0),
	}
	for _, p := range found.Clerical {
		if p.Dice >= found.Threshold {
			l.Tied++
		}
	}
	if o.truth != "" {
		f, err := os.Open(o.truth)
		if err != nil {
			return err
		}
		defer f.Close()
		m, err := found.Measure(left, right, f)
		if err != nil {
			return placed(o.truth, err)
		}
		l.Measured = &m
	}
	if o.out != "" {
		for _, name := range append(args, o.truth) {
			if same(o.out, name) {
				return usage("%s would be written over: name another file", o.out)
			}
		}
	}
	if err := writeFile(o.out, func(w io.Writer) error { return writeCLKPairs(w, left, right, found) }); err != nil {
		return err
	}
	return a.show(l, func() error { a.printCLKs(l); return nil })
}

// alike is a threshold that says that a file has persons twice.
const alike = 0.95

func clkWarnings(left, right *clk.File, found clk.Result, guessed bool) []string {
	warnings := []string{}
	if guessed && min(len(left.CLKs), len(right.CLKs)) < clk.Enough {
		warnings = append(warnings, fmt.Sprintf("fewer than %s records do not tell strangers apart from similar persons: what is below %.2f is left to decide", count(clk.Enough), found.Threshold))
	}
	if guessed && found.Threshold > alike {
		warnings = append(warnings, "the threshold is high, as the right file seems to have persons twice: give one with --threshold")
	}
	if len(found.Linked) == 0 {
		warnings = append(warnings, "nothing is linked: the files have no person in common, or the threshold is too high")
	}
	return warnings
}

func writeCLKPairs(w io.Writer, left, right *clk.File, found clk.Result) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"left", "right", "dice", "decision"}) // Error tells
	for _, some := range []struct {
		decision string
		pairs    []clk.Pair
	}{{"linked", found.Linked}, {"clerical", found.Clerical}} {
		for _, p := range some.pairs {
			_ = out.Write([]string{left.Records[p.Left], right.Records[p.Right], fmt.Sprintf("%.4f", p.Dice), some.decision})
		}
	}
	out.Flush()
	return out.Error()
}

func (a *app) printCLKs(l linkedCLKs) {
	a.say("%s and %s filters, %s pairs compared", count(l.Left), count(l.Right), count(l.Compared))
	a.say("  threshold  %.4f, and the band down to %.4f", l.Threshold, l.Low)
	a.say("  linked     %s pairs", count(l.Linked))
	a.say("  to decide  %s pairs, %s of them ties", count(l.Clerical), count(l.Tied))
	a.say("  in no link %s and %s records", count(l.LeftAlone), count(l.RightAlone))
	if m := l.Measured; m != nil {
		a.say("  measured   precision %.4f, recall %.4f, F1 %.4f, of %s true pairs", m.Precision, m.Recall, m.F1, count(m.True))
		if m.Foreign > 0 {
			a.say("             %s of them name a record that is not in the files", count(m.Foreign))
		}
	}
	for _, w := range l.Warnings {
		a.say("  warning: %s", w)
	}
}
