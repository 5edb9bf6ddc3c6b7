package linkage

import (
	"context"
	_ "embed"
	"fmt"
	"math"
	"strings"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/pseudonym"
)

//go:embed stays_of_units.sql
var staysOfUnits string

//go:embed stays_hit.sql
var staysHit string

//go:embed stays_chance.sql
var staysChance string

//go:embed stays_witness.sql
var staysWitness string

// Side says what a provider has to do with the stays that it tells of.
type Side string

// The sides.
const (
	Care  Side = "care"  // it gave them: no other one has
	Payer Side = "payer" // it paid for them, wherever they were
)

// What a key may cost. A key is taken where it is expected to join few wrong
// stays: at most doubtOfKey of what it joins, and with the keys before it at most
// doubtOfAll of all. Otherwise what it joins is counted and not taken.
const (
	doubtOfKey = 0.05
	doubtOfAll = 0.0005
)

// chanceSample bounds the stays that chance agreements are counted in: of more,
// one in a fixed number of tokens is looked at.
const chanceSample = 2_000_000

// KeyUse is what one key did between two sides.
type KeyUse struct {
	Key    int     // place in pseudonym.StayKeys
	A, B   int64   // stays of either side that were not joined before
	Joined int64   // by the key
	False  float64 // of Joined, as expected from agreements by chance
	Chance float64 // that a stay finds exactly one of another person in B
	Twins  int64   // stays of B's side that agree with exactly one other of it, joined or not
	Taken  bool
}

// stayPass is the comparison of two sides.
type stayPass struct {
	a, b int
	keys []KeyUse
}

// stayTable has the stays of all deposits.
func stayTable() string {
	var columns strings.Builder
	for i := range pseudonym.StayKeys {
		fmt.Fprintf(&columns, ", t%d UBIGINT", i)
	}
	return "CREATE TABLE stay_told (provider VARCHAR, side INTEGER, deposit VARCHAR, person BIGINT, stay UBIGINT, year SMALLINT" + columns.String() + ")"
}

// sideOf numbers the sides: all who give care are one, each payer is one of its own.
func (l *Linker) sideOf(provider string, side Side) int {
	if side == Care {
		return 0
	}
	for i, p := range l.payers {
		if p == provider {
			return i + 1
		}
	}
	l.payers = append(l.payers, provider)
	return len(l.payers)
}

// matchStays joins stays, strictest key first, and says in the table witness which
// records they say are one person.
func (l *Linker) matchStays(ctx context.Context) error {
	if err := l.db.Exec(ctx, staysOfUnits); err != nil {
		return err
	}
	first := 0
	if !l.care {
		first = 1
	}
	for a := first; a <= len(l.payers); a++ {
		for b := max(a+1, 1); b <= len(l.payers); b++ {
			pass, err := l.matchSides(ctx, a, b)
			if err != nil {
				return err
			}
			l.passes = append(l.passes, pass)
		}
	}
	return l.db.Exec(ctx, staysWitness)
}

// matchSides joins the stays of two sides.
func (l *Linker) matchSides(ctx context.Context, a, b int) (pass stayPass, err error) {
	pass = stayPass{a: a, b: b}
	fromA, fromB := fmt.Sprintf("(FROM unit WHERE side = %d)", a), fmt.Sprintf("(FROM unit WHERE side = %d)", b)
	var all, joined int64
	if err := l.db.Value(ctx, &all, "SELECT count(*) FROM unit WHERE side = ?", b); err != nil {
		return pass, err
	}
	doubt := 0.0
	for i := range pseudonym.StayKeys {
		key := fmt.Sprintf("t%d", i)
		use := KeyUse{Key: i}
		for _, from := range []struct {
			rows string
			to   *int64
		}{{fromA, &use.A}, {fromB, &use.B}} {
			if err := l.db.Value(ctx, from.to, "SELECT count(*) FROM "+from.rows); err != nil {
				return pass, err
			}
		}
		if err := l.db.Exec(ctx, strings.NewReplacer("{key}", key, "{a}", fromA, "{b}", fromB).Replace(staysHit)); err != nil {
			return pass, err
		}
		if err := l.db.Value(ctx, &use.Joined, "SELECT count(*) FROM hit"); err != nil {
			return pass, err
		}
		if all > 0 {
			open := float64(use.B) / float64(all)
			if err := l.chance(ctx, &use, key, b, 1+all/chanceSample, open); err != nil {
				return pass, err
			}
		}
		use.False = math.Min(float64(use.A-use.Joined)*use.Chance, float64(use.Joined))
		use.Taken = use.False <= doubtOfKey*float64(use.Joined) && doubt+use.False <= doubtOfAll*float64(joined+use.Joined)
		table := "stay_doubt"
		if use.Taken {
			table = "stay_pair"
			joined += use.Joined
			doubt += use.False
		}
		pass.keys = append(pass.keys, use)
		if use.Joined == 0 {
			continue
		}
		if err := l.db.Exec(ctx, fmt.Sprintf("INSERT INTO %s SELECT a, b, %d FROM hit", table, i)); err != nil {
			return pass, err
		}
		if !use.Taken {
			continue
		}
		for _, side := range []struct {
			from *string
			unit string
		}{{&fromA, "a"}, {&fromB, "b"}} {
			next := fmt.Sprintf("open_%s_%d", side.unit, i)
			if err := l.db.Exec(ctx, fmt.Sprintf("CREATE TEMP TABLE %s AS FROM %s WHERE unit NOT IN (SELECT %s FROM hit)", next, *side.from, side.unit)); err != nil {
				return pass, err
			}
			if before := *side.from; !strings.HasPrefix(before, "(") {
				if err := l.db.Exec(ctx, "DROP TABLE "+before); err != nil {
					return pass, err
				}
			}
			*side.from = next
		}
	}
	for _, from := range []string{fromA, fromB} {
		if !strings.HasPrefix(from, "(") {
			if err := l.db.Exec(ctx, "DROP TABLE "+from); err != nil {
				return pass, err
			}
		}
	}
	return pass, nil
}

// chance counts how often stays of a side agree with others of it under a key.
func (l *Linker) chance(ctx context.Context, use *KeyUse, key string, side int, of int64, open float64) error {
	return l.db.Each(ctx, strings.ReplaceAll(staysChance, "{key}", key), []any{of, open, side}, func() error { return nil }, &use.Chance, &use.Twins)
}

// stayColumns are those of stays after the authority's pass.
func stayColumns() []engine.Column {
	columns := []engine.Column{{Name: "person", Type: "BIGINT"}, {Name: "stay", Type: "UBIGINT"}, {Name: "year", Type: "SMALLINT"}}
	for i := range pseudonym.StayKeys {
		columns = append(columns, engine.Column{Name: fmt.Sprintf("t%d", i), Type: "UBIGINT"})
	}
	return columns
}
