package linkage

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"

	"rempart.eu/rempart/pseudonym"
)

// Report tells how well a linkage went, in counts: nothing of it is about a
// person. Its JSON is what the ledger keeps; what counts 1 to 10 is "<11" there.
type Report struct {
	Records  Count            `json:"records"`
	Persons  Count            `json:"persons"`
	Shared   Count            `json:"shared"`  // persons known to two or more deposits
	Methods  map[string]Count `json:"methods"` // records by the rule that placed them
	Deposits []DepositRates   `json:"deposits"`
	Stays    *StayReport      `json:"stays,omitempty"`   // where two sides told of stays
	Filters  *FilterReport    `json:"filters,omitempty"` // where two deposits have filters
}

// Count is a number of records, stays or persons. Small ones do not leave: Few stands for them.
type Count int64

// Few stands for 1 to 10 where a count was read from JSON.
const Few Count = -1

const (
	fewBelow = 11
	few      = "<11"
)

// MarshalJSON hides small counts.
func (c Count) MarshalJSON() ([]byte, error) {
	if c.Hidden() {
		return json.Marshal(few)
	}
	return json.Marshal(int64(c))
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (c *Count) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte(`"`)) {
		*c = Few
		return nil
	}
	return json.Unmarshal(text, (*int64)(c))
}

// Hidden says whether the count is not shown.
func (c Count) Hidden() bool { return c != 0 && c < fewBelow }

// Rate is a share, or nil where what it was made of is hidden or nothing.
type Rate *float64

// rate is part of whole, to a hundredth of a per cent: one that is finer would tell counts.
func rate(part, whole Count) Rate {
	if whole <= 0 || part.Hidden() || whole.Hidden() {
		return nil
	}
	v := math.Round(10_000*float64(part)/float64(whole)) / 10_000
	return &v
}

// share rounds an estimate.
func share(v float64) Rate {
	v = math.Round(v*100_000) / 100_000
	return &v
}

// DepositRates are what became of the records of one deposit.
type DepositRates struct {
	Deposit  string           `json:"deposit"`
	Provider string           `json:"provider"`
	Records  Count            `json:"records"`
	Methods  map[string]Count `json:"methods"`
	Shared   Count            `json:"shared"` // records of persons whom others know too
	Linked   Rate             `json:"linked"` // that share of the records
}

// StayReport tells how stays were joined.
type StayReport struct {
	Providers []StayRates     `json:"providers"` // by provider and year
	Keys      []KeyReport     `json:"keys"`
	Weights   []Weight        `json:"weights"`
	Conflicts []StayConflicts `json:"conflicts"` // by provider
	Clerical  ClericalBand    `json:"clerical"`
	Estimates []Estimate      `json:"estimates"`
}

// StayRates are the stays of a provider that began in one year.
type StayRates struct {
	Provider string `json:"provider"`
	Side     Side   `json:"side"`
	Year     int    `json:"year"` // 0: no entry
	Stays    Count  `json:"stays"`
	Joined   Count  `json:"joined"` // with a stay of another side
	Rate     Rate   `json:"rate"`
}

// KeyReport is what a key did between two sides.
type KeyReport struct {
	Sides      string  `json:"sides"` // "care and cnam"
	Key        string  `json:"key"`   // its code
	Name       string  `json:"name"`
	Joined     Count   `json:"joined"`
	False      float64 `json:"expected_false"` // of them, by agreements by chance
	Taken      bool    `json:"taken"`          // false: too weak here, what it joins is in the clerical band
	Agree      Count   `json:"agree"`          // pairs whose records have one identifier
	Contradict Count   `json:"contradict"`     // pairs whose records have two: not taken
}

// Weight is how much the agreement of a trait says that two stays are one, in bits:
// log2(m/u), where m is how often the trait agrees in stays that were joined and u
// how often by chance in stays that agree on all others.
type Weight struct {
	Sides  string  `json:"sides"`
	Trait  string  `json:"trait"`
	M      float64 `json:"m"`
	U      float64 `json:"u"`
	Weight float64 `json:"weight"`
}

// StayConflicts count what was not taken, by provider.
type StayConflicts struct {
	Provider   string `json:"provider"`
	Contradict Count  `json:"contradict"` // stays that name another person than the identifier does
	Contested  Count  `json:"contested"`  // stays that another provider says it gave
	Ambiguous  Count  `json:"ambiguous"`  // stays with all traits equal to another's
}

// ClericalBand counts what somebody may want to look at. None of it was taken.
type ClericalBand struct {
	Stays   Count `json:"stays"`   // pairs that only too weak keys join
	Records Count `json:"records"` // records whose stays name several persons
}

// Estimate is a precision or recall that was estimated without the truth.
type Estimate struct {
	Measure string `json:"measure"` // "precision" or "recall", of stays
	Method  string `json:"method"`
	Value   Rate   `json:"value"`
	Of      Count  `json:"of"` // stays that it was made of
}

//go:embed report.sql
var reportQueries string

// query is the query of a name in a text of several, each after a line "-- name: NAME".
func query(queries, name string) string {
	_, text, _ := strings.Cut(queries, "-- name: "+name+"\n")
	text, _, _ = strings.Cut(text, "\n-- name: ")
	return strings.TrimSpace(text)
}

// each scans the rows of one of report.sql's queries.
func (l *Linker) each(ctx context.Context, name string, scanned func() error, dst ...any) error {
	return l.db.Each(ctx, query(reportQueries, name), nil, scanned, dst...)
}

// Report tells how well the linkage went, once it is resolved. providers are the
// providers of deposits.
func (l *Linker) Report(ctx context.Context, s Summary, providers map[string]string) (*Report, error) {
	r := &Report{Records: Count(s.Records), Persons: Count(s.Persons), Shared: Count(s.Shared), Methods: map[string]Count{}}
	for method, n := range s.Methods {
		r.Methods[method] = Count(n)
	}
	var deposit, method string
	var n, shared int64
	err := l.each(ctx, "deposits", func() error {
		i := len(r.Deposits) - 1
		if i < 0 || r.Deposits[i].Deposit != deposit {
			r.Deposits = append(r.Deposits, DepositRates{Deposit: deposit, Provider: providers[deposit], Methods: map[string]Count{}})
			i++
		}
		d := &r.Deposits[i]
		d.Methods[method] = Count(n)
		d.Records += Count(n)
		d.Shared += Count(shared)
		return nil
	}, &deposit, &method, &n, &shared)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(r.Deposits, func(a, b DepositRates) int { return strings.Compare(a.Provider, b.Provider) })
	for i := range r.Deposits {
		d := &r.Deposits[i]
		d.Linked = rate(d.Shared, d.Records)
	}
	if r.Filters, err = l.filterReport(ctx, providers); err == nil && len(l.passes) > 0 {
		r.Stays, err = l.stayReport(ctx)
	}
	return r, err
}

// Joined is how many pairs of records of one stay were found.
func (l *Linker) Joined() (n int64) {
	for _, pass := range l.passes {
		for _, k := range pass.keys {
			if k.Taken {
				n += k.Joined
			}
		}
	}
	return n
}

// stayReport tells of stays.
func (l *Linker) stayReport(ctx context.Context) (*StayReport, error) {
	r := &StayReport{}
	var provider string
	var side, year int
	var a, b, c int64
	err := l.each(ctx, "years", func() error {
		rates := StayRates{Provider: provider, Side: Care, Year: year, Stays: Count(a), Joined: Count(b)}
		if side > 0 {
			rates.Side = Payer
		}
		rates.Rate = rate(rates.Joined, rates.Stays)
		r.Providers = append(r.Providers, rates)
		return nil
	}, &provider, &side, &year, &a, &b)
	if err != nil {
		return nil, err
	}
	if err := l.each(ctx, "conflicts", func() error {
		r.Conflicts = append(r.Conflicts, StayConflicts{provider, Count(a), Count(b), Count(c)})
		return nil
	}, &provider, &a, &b, &c); err != nil {
		return nil, err
	}
	if err := l.each(ctx, "clerical", func() error {
		r.Clerical = ClericalBand{Count(a), Count(b)}
		return nil
	}, &a, &b); err != nil {
		return nil, err
	}
	return r, errors.Join(l.keyReports(ctx, r), l.recall(ctx, r))
}

// sides names two sides for people.
func (l *Linker) sides(a, b int) string {
	names := append([]string{"care"}, l.payers...)
	return names[a] + " and " + names[b]
}

// keyReports tells of keys, the weights that follow from them, and the precision.
func (l *Linker) keyReports(ctx context.Context, r *StayReport) error {
	type place struct{ a, b, key int }
	agree, contradict := map[place]int64{}, map[place]int64{}
	var at place
	var same, other int64
	if err := l.each(ctx, "identified", func() error {
		agree[at], contradict[at] = same, other
		return nil
	}, &at.a, &at.b, &at.key, &same, &other); err != nil {
		return err
	}
	var joined, agreed, contradicted int64
	expected := 0.0
	for _, pass := range l.passes {
		sides := l.sides(pass.a, pass.b)
		for _, k := range pass.keys {
			key, at := pseudonym.StayKeys[k.Key], place{pass.a, pass.b, k.Key}
			r.Keys = append(r.Keys, KeyReport{sides, key.Code, key.String(), Count(k.Joined), math.Round(k.False*100) / 100, k.Taken, Count(agree[at]), Count(contradict[at])})
			if k.Taken {
				joined += k.Joined
				expected += k.False
				agreed += agree[at]
				contradicted += contradict[at]
			}
		}
		r.Weights = append(r.Weights, pass.weights(sides)...)
	}
	if joined >= fewBelow {
		r.Estimates = append(r.Estimates, Estimate{"precision", "agreements by chance: how often stays of one side agree with each other under the keys that joined", share(1 - expected/float64(joined)), Count(joined)})
	}
	if all := agreed + contradicted; all >= fewBelow {
		r.Estimates = append(r.Estimates, Estimate{"precision", "identifiers: of joined stays whose two records both have one, those where it is the same", share(float64(agreed) / float64(all)), Count(all)})
	}
	return nil
}

// recall estimates how many stays were found, from persons whom the identifier joins.
func (l *Linker) recall(ctx context.Context, r *StayReport) error {
	var all, joined int64
	return l.each(ctx, "recall", func() error {
		if all >= fewBelow {
			r.Estimates = append(r.Estimates, Estimate{"recall", "identifiers: of stays of persons whom the payer knows by their identifier, those that were joined; too low by those that the payer never heard of", share(float64(joined) / float64(all)), Count(all)})
		}
		return nil
	}, &all, &joined)
}

// weights are those of the traits, from what keys with and without them did. Of the
// pairs of keys that differ in a trait alone, the one with the most agreements by
// chance tells how often the trait agrees by chance.
func (p stayPass) weights(sides string) (weights []Weight) {
	var all float64
	without := map[string]float64{} // joined stays that did not need the trait
	twins := map[string]int64{}     // by the code of the key
	for _, k := range p.keys {
		key := pseudonym.StayKeys[k.Key]
		twins[key.Code] = k.Twins
		if k.Taken {
			all += float64(k.Joined)
			for _, trait := range key.Without() {
				without[trait] += float64(k.Joined)
			}
		}
	}
	if all < fewBelow {
		return nil
	}
	for i, trait := range pseudonym.StayTraits {
		var with, rest int64
		for _, k := range pseudonym.StayKeys {
			code := strings.ReplaceAll(k.Code, pseudonym.StayLetters[i:i+1], "")
			if n, known := twins[code]; known && code != k.Code && n > rest {
				with, rest = twins[k.Code], n
			}
		}
		m := 1 - without[trait]/all
		if rest < fewBelow || m <= 0 {
			continue
		}
		u := (float64(with) + 0.5) / (float64(rest) + 1)
		round := func(v float64) float64 { return math.Round(v*10_000) / 10_000 }
		weights = append(weights, Weight{sides, trait, round(m), round(u), math.Round(math.Log2(m/u)*100) / 100})
	}
	return weights
}
