package register

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Period is a time that people have a name for.
type Period struct {
	Name  string    `json:"name"`  // as it was asked for
	From  time.Time `json:"from"`  // the first moment, UTC
	Until time.Time `json:"until"` // the moment after the last
}

var quarter = regexp.MustCompile(`^(\d{4})-?[QqTt]([1-4])$`)

// ParsePeriod reads 2026, 2026Q3, 2026-07, 2026-07-14, or two of them with ..
// between, the last one included. An open end, as in 2026.., is no end.
func ParsePeriod(text string) (p Period, err error) {
	from, to, isRange := strings.Cut(text, "..")
	p.Name = text
	if !isRange {
		p.From, p.Until, err = span(text)
		return p, err
	}
	if from != "" {
		if p.From, _, err = span(from); err != nil {
			return p, err
		}
	}
	if to != "" {
		if _, p.Until, err = span(to); err != nil {
			return p, err
		}
	}
	if from == "" && to == "" || !p.Until.IsZero() && !p.From.Before(p.Until) {
		return p, fmt.Errorf("%q is no period: it ends before it begins", text)
	}
	return p, nil
}

// span is the first moment of a year, quarter, month or day, and the one after its last.
func span(text string) (from, until time.Time, err error) {
	if m := quarter.FindStringSubmatch(text); m != nil {
		year, _ := strconv.Atoi(m[1])
		q, _ := strconv.Atoi(m[2])
		from = time.Date(year, time.Month(3*q-2), 1, 0, 0, 0, 0, time.UTC)
		return from, from.AddDate(0, 3, 0), nil
	}
	for _, form := range []struct {
		layout              string
		years, months, days int
	}{{"2006", 1, 0, 0}, {"2006-01", 0, 1, 0}, {time.DateOnly, 0, 0, 1}} {
		if from, err = time.Parse(form.layout, text); err == nil {
			return from, from.AddDate(form.years, form.months, form.days), nil
		}
	}
	return from, until, fmt.Errorf("%q is no period: want 2026, 2026Q3, 2026-07, 2026-07-14, or FROM..TO", text)
}
