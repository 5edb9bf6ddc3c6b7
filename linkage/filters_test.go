package linkage_test

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/linkage"
	"rempart.eu/rempart/linkage/clk"
	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/synth"
)

func filterKey(t *testing.T, first byte) *clk.Key {
	t.Helper()
	k, err := clk.NewKey(bytes.Repeat([]byte{first}, pseudonym.SecretSize), clk.Scheme{})
	must(t, err)
	return k
}

// filteredDeposit is one with filters under a key.
type filteredDeposit struct {
	name    string
	key     byte
	records people
}

// linkFilters runs a whole linkage and returns person_id and method by "deposit/record".
func linkFilters(t *testing.T, deposits ...filteredDeposit) (map[string]int64, map[string]string, *linkage.Report) {
	t.Helper()
	key, err := pseudonym.NewProviderKey(providerSecret)
	must(t, err)
	db := engineDB(t)
	linker, err := linkage.New(t.Context(), db, authorityKey(t), pseudonym.Keyed)
	must(t, err)
	providers := map[string]string{}
	for _, d := range deposits {
		providers[d.name] = "of " + d.name
		var records bytes.Buffer
		k := filterKey(t, d.key)
		sender, err := linkage.NewFilterSender(t.Context(), &records, k, linkage.Keyed{Key: key})
		must(t, err)
		for _, person := range slices.Sorted(maps.Keys(d.records)) {
			must(t, sender.Send(person, d.records[person]))
		}
		_, err = sender.Close()
		must(t, err)
		must(t, linker.Add(t.Context(), d.name, &records))
		linker.AddFilters(d.name, k.Check())
	}
	summary, err := linker.Resolve(t.Context())
	must(t, err)
	report, err := linker.Report(t.Context(), summary, providers)
	must(t, err)
	methods := map[string]string{}
	rows, err := db.Query(t.Context(), "SELECT deposit || '/' || person, method FROM link")
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var record, method string
		must(t, rows.Scan(&record, &method))
		methods[record] = method
	}
	must(t, rows.Err())
	return personsOf(t, db), methods, report
}

const nirOne, nirTwo = "295109912611193", "1500669123456"

// Each case says whom filters make one, and whom they must not.
func TestWhomFiltersLink(t *testing.T) {
	lefevre := pseudonym.Identity{LastName: "Lefèvre", FirstName: "Anne-Laure", BirthDate: "1983-02-01", Sex: "F", Postcode: "69002"}
	typed := func(change func(*pseudonym.Identity)) pseudonym.Identity {
		id := lefevre
		change(&id)
		return id
	}
	known := typed(func(p *pseudonym.Identity) { p.NIR = nirOne })
	typo := typed(func(p *pseudonym.Identity) { p.BirthDate = "1983-02-11" })
	other := typed(func(p *pseudonym.Identity) { p.BirthDate = "1983-02-10" })
	twin := typed(func(p *pseudonym.Identity) { p.FirstName, p.NIR = "Mathilde", nirTwo })
	stranger := pseudonym.Identity{LastName: "Chevalier", FirstName: "Hugo", BirthDate: "1950-06-27", Sex: "M", Postcode: "35000"}
	cases := map[string]struct {
		deposits    []filteredDeposit
		same, apart [][2]string
		clerical    linkage.Count
	}{
		"a typing error, and somebody else": {
			[]filteredDeposit{{"h", 1, people{1: typo, 2: stranger}}, {"i", 1, people{1: known}}},
			[][2]string{{"h/1", "i/1"}}, [][2]string{{"h/2", "i/1"}}, 0,
		},
		"two that nobody identifies": {
			[]filteredDeposit{{"h", 1, people{1: typo}}, {"i", 1, people{1: lefevre}}},
			[][2]string{{"h/1", "i/1"}}, nil, 0,
		},
		"three, through the one in the middle": {
			[]filteredDeposit{{"h", 1, people{1: typo}}, {"i", 1, people{1: known}}, {"k", 1, people{1: other}}},
			[][2]string{{"h/1", "i/1"}, {"k/1", "i/1"}}, nil, 0,
		},
		"two identifiers are two persons, however similar": {
			[]filteredDeposit{{"h", 1, people{1: typed(func(p *pseudonym.Identity) { p.NIR = nirTwo })}}, {"i", 1, people{1: known}}},
			nil, [][2]string{{"h/1", "i/1"}}, 0,
		},
		"not through a third whom both are like": {
			[]filteredDeposit{{"h", 1, people{1: typed(func(p *pseudonym.Identity) { p.NIR = nirTwo })}}, {"i", 1, people{1: known}}, {"k", 1, people{1: typo}}},
			nil, [][2]string{{"h/1", "i/1"}, {"k/1", "i/1"}, {"k/1", "h/1"}}, 2,
		},
		"a deposit knows a person once": {
			[]filteredDeposit{{"h", 1, people{1: known, 2: typo}}, {"i", 1, people{1: known}}},
			nil, [][2]string{{"h/2", "i/1"}, {"h/2", "h/1"}}, 0,
		},
		"a tie is not guessed": {
			[]filteredDeposit{{"h", 1, people{1: typo, 2: typed(func(p *pseudonym.Identity) { p.BirthDate = "1983-02-21" })}}, {"i", 1, people{1: known}}},
			nil, [][2]string{{"h/1", "i/1"}, {"h/2", "i/1"}, {"h/1", "h/2"}}, 2,
		},
		"one whom a deposit knows under two numbers, equal in all traits": {
			[]filteredDeposit{{"h", 1, people{1: typo, 2: typo, 3: stranger, 4: stranger}}, {"i", 1, people{1: known}}},
			[][2]string{{"h/1", "i/1"}, {"h/2", "i/1"}, {"h/1", "h/2"}}, [][2]string{{"h/3", "h/4"}}, 0,
		},
		"a twin is another": {
			[]filteredDeposit{{"h", 1, people{1: typed(func(p *pseudonym.Identity) { p.FirstName, p.BirthDate = "Mathilde", "1983-02-11" })}}, {"i", 1, people{1: known, 2: twin}}},
			[][2]string{{"h/1", "i/2"}}, [][2]string{{"h/1", "i/1"}}, 0,
		},
		"in the band nobody is linked": {
			[]filteredDeposit{{"h", 1, people{1: typed(func(p *pseudonym.Identity) { p.BirthDate, p.FirstName = "1983-02-11", "Anne-Laur" })}}, {"i", 1, people{1: known}}},
			nil, [][2]string{{"h/1", "i/1"}}, 1,
		},
		"filters of two keys are not compared": {
			[]filteredDeposit{{"h", 1, people{1: typo}}, {"i", 2, people{1: known}}},
			nil, [][2]string{{"h/1", "i/1"}}, 0,
		},
		"no date of birth, no filter": {
			[]filteredDeposit{{"h", 1, people{1: typed(func(p *pseudonym.Identity) { p.BirthDate = "" })}}, {"i", 1, people{1: known}}},
			nil, [][2]string{{"h/1", "i/1"}}, 0,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			persons, methods, report := linkFilters(t, c.deposits...)
			for _, pair := range c.same {
				if persons[pair[0]] != persons[pair[1]] || methods[pair[0]] != "probability" && methods[pair[1]] != "probability" {
					t.Errorf("%s (%s) and %s (%s) are not one person", pair[0], methods[pair[0]], pair[1], methods[pair[1]])
				}
			}
			for _, pair := range c.apart {
				if persons[pair[0]] == persons[pair[1]] {
					t.Errorf("%s and %s are one person (%s, %s)", pair[0], pair[1], methods[pair[0]], methods[pair[1]])
				}
			}
			if report.Filters == nil || report.Filters.Clerical != c.clerical {
				t.Errorf("the report says %+v, want %d to decide", report.Filters, c.clerical)
			}
			again, _, _ := linkFilters(t, c.deposits...)
			if !reflect.DeepEqual(again, persons) {
				t.Errorf("linked again: %v, before %v", again, persons)
			}
		})
	}
}

// Without filters nothing is compared, and the report has no part about them.
func TestNoFiltersNoPart(t *testing.T) {
	_, report := linkStays(t, hospital(people{1: {LastName: "Martin", FirstName: "Anne", BirthDate: "1950-11-30"}}))
	if report.Filters != nil {
		t.Errorf("the report says %+v", report.Filters)
	}
}

func TestFilterOptionsThatAreNone(t *testing.T) {
	linker, err := linkage.New(t.Context(), engineDB(t), authorityKey(t), pseudonym.Keyed)
	must(t, err)
	for _, o := range []linkage.FilterOptions{
		{Threshold: math.NaN()}, {Threshold: 1.2}, {Threshold: -1}, {Threshold: 0.9, Band: math.NaN()}, {Threshold: 0.9, Margin: math.Inf(1)},
		{Threshold: 0.5}, {Threshold: 0.9, Band: 0.5}, {Band: 0.1},
	} {
		if err := linker.Filters(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	must(t, linker.Filters(linkage.FilterOptions{Threshold: 0.85}))
	must(t, linker.Filters(linkage.FilterOptions{}))
}

// What a deposit sent as a filter and is none stops the linkage, with its line.
func TestFiltersThatAreNone(t *testing.T) {
	key, err := pseudonym.NewProviderKey(providerSecret)
	must(t, err)
	var records bytes.Buffer
	sender, err := linkage.NewFilterSender(t.Context(), &records, filterKey(t, 1), linkage.Keyed{Key: key})
	must(t, err)
	must(t, sender.Send(1, pseudonym.Identity{LastName: "Martin", FirstName: "Anne", BirthDate: "1950-11-30", Sex: "F"}))
	must(t, sender.Send(2, pseudonym.Identity{LastName: "Martin"}))
	sent, err := sender.Close()
	must(t, err)
	if sent.Filters != 1 || !strings.HasSuffix(strings.SplitN(records.String(), "\n", 2)[0], ",filter") {
		t.Errorf("sent %+v\n%s", sent, &records)
	}
	if strings.Contains(records.String(), "Martin") || strings.Contains(records.String(), "1950") {
		t.Errorf("a name is in clear in\n%s", &records)
	}
	for _, wrong := range [][2]string{{"=\n", "\n"}, {"=\n", "-\n"}, {"=\n", "==\n"}} {
		linker, err := linkage.New(t.Context(), engineDB(t), authorityKey(t), pseudonym.Keyed)
		must(t, err)
		err = linker.Add(t.Context(), "h", strings.NewReader(strings.Replace(records.String(), wrong[0], wrong[1], 1)))
		if err == nil || !strings.Contains(err.Error(), "line 2: filter: no CLK") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// What nothing else links, of a population one of whose hospitals holds no identifier and no stay
// is told of: links by filters are right, and there are more links than without.
func TestFiltersOfAPopulationOfKnownTruth(t *testing.T) {
	dir := t.TempDir()
	_, err := synth.Generate(t.Context(), dir, synth.Options{Persons: 12_000, Seed: 12, WithoutNIR: []string{"hospital-2"}})
	must(t, err)
	key, err := pseudonym.NewProviderKey(bytes.Repeat([]byte{3}, 32))
	must(t, err)
	var recalls [2]float64
	for i, filters := range []bool{false, true} {
		db, linker, deposits := populationLinker(t, dir, key, filters)
		summary, err := linker.Resolve(t.Context())
		must(t, err)
		report, err := linker.Report(t.Context(), summary, map[string]string{})
		must(t, err)
		must(t, db.LoadCSV(t.Context(), "truth", truthColumns, truth(t, deposits, dir)))
		got, err := linkage.Compare(t.Context(), db, "FROM link", "SELECT deposit, person, true_person FROM truth", map[string]string{})
		must(t, err)
		recalls[i] = *got.All.Recall
		t.Logf("filters %v: precision %.4f, recall %.4f, methods %v", filters, *got.All.Precision, *got.All.Recall, summary.Methods)
		if *got.All.Precision < 0.999 {
			t.Errorf("precision %.4f", *got.All.Precision)
		}
		if !filters {
			continue
		}
		text := fmt.Sprintf("%+v", report.Filters)
		for _, m := range got.Methods {
			if m.Method != "probability" {
				continue
			}
			t.Logf("probability: %d true pairs, precision %.4f, recall of what was sought %.4f; %s", m.Pairs, *m.Precision, *m.Sought, text)
			if *m.Precision < 0.999 || *m.Sought < 0.3 {
				t.Errorf("precision %.4f, recall of what was sought %.4f", *m.Precision, *m.Sought)
			}
		}
		if summary.Methods["probability"] < 20 || report.Filters.Clerical == 0 {
			t.Errorf("methods %v, %s", summary.Methods, text)
		}
	}
	if recalls[1] <= recalls[0] {
		t.Errorf("recall with filters %.4f, without %.4f", recalls[1], recalls[0])
	}
}
