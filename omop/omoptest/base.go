package omoptest

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/omop"
)

// Step is a release on the way to one of all deposits.
type Step struct {
	Deposits []string // the names of those that have come; nil: all
	Links    string   // as [omop.Input]'s; "": the input's, of these deposits
}

// SameOnBases builds a release of the first step from nothing, and each other on top of the
// one before, down to one of all deposits, and wants the rows, numbers, origins, and report
// of what db holds: a build of all at once. It gives how each went on from the one before.
func SameOnBases(t testing.TB, db *engine.DB, in omop.Input, whole *omop.Report, steps ...Step) (how []omop.Continuation) {
	t.Helper()
	l := loader{t: t, db: db}
	l.keep("whole")
	var base *omop.Base
	for i, s := range append(steps, Step{}) {
		one := in
		one.Base = base
		if s.Links != "" {
			one.Links = s.Links
		}
		if s.Deposits != nil {
			one.Deposits = slices.DeleteFunc(slices.Clone(in.Deposits), func(d omop.Deposit) bool { return !slices.Contains(s.Deposits, d.Name) })
			one.Links = fmt.Sprintf("(FROM %s WHERE deposit IN (%s))", one.Links, literals(s.Deposits))
		}
		report, err := omop.Build(t.Context(), db, one, nil)
		if err != nil {
			t.Fatalf("step %d: %v", i+1, err)
		}
		if i > 0 {
			if how = append(how, report.Continued); report.Continued.Release == "" {
				t.Errorf("step %d: %s", i+1, report.Continued.Why)
			}
		}
		if i == len(steps) {
			l.same("of all at once", whole, report)
			return how
		}
		base = l.base(fmt.Sprintf("step_%d", i+1), report)
	}
	return how
}

// Aside moves what a build has made out of the way of the next; back puts it in the place
// of what that has made.
func Aside(t testing.TB, db *engine.DB) (back func()) {
	t.Helper()
	l := loader{t: t, db: db}
	l.keep("aside")
	return func() {
		t.Helper()
		l.exec("DROP SCHEMA cdm CASCADE; CREATE SCHEMA cdm")
		for _, table := range omop.Tables() {
			l.exec(fmt.Sprintf("CREATE VIEW cdm.%[1]s AS FROM aside.%[1]s", engine.Quote(table)))
		}
	}
}

// base keeps what a build has made, for the next to go on from.
func (l loader) base(name string, report *omop.Report) *omop.Base {
	l.t.Helper()
	l.keep(name)
	base := &omop.Base{Release: name, Basis: report.Basis, Report: report, Mappings: report.Mappings, AtMost: 1}
	for _, d := range report.Deposits {
		base.Deposits = append(base.Deposits, d.Name)
	}
	base.Open = func(_ context.Context, of string) (string, error) { return name + "." + engine.Quote(of), nil }
	return base
}

func literals(texts []string) string {
	all := ""
	for i, text := range texts {
		if i > 0 {
			all += ", "
		}
		all += engine.Literal(text)
	}
	return all
}

// Split parts each deposit into n deposits, name.1 to name.n, as if it had come month by month.
// Who is in which is chance; a person's rows are spread over those that the person is in, those
// that share a composite key to one. The rows of resources that describe persons, which each
// deposit has of its own, are in all of these; so are, in all deposits, rows of nobody.
func Split(t testing.TB, db *engine.DB, in omop.Input, n, seed int, describes func(deposit omop.Deposit, resource string) bool) omop.Input {
	t.Helper()
	s := splitter{loader{t: t, db: db}, fmt.Sprintf("split_%d_%d", n, seed), seed}
	s.exec(fmt.Sprintf(`CREATE SCHEMA %[1]s;
		CREATE TABLE %[1]s.member AS
		SELECT deposit, person, person_id, list(part ORDER BY part) AS parts
		FROM %[2]s, range(1, %[3]d + 1) r(part)
		WHERE part = 1 + hash(person_id, %[4]d) %% %[3]d OR hash(person_id, part, %[4]d) %% 4 = 0
		GROUP BY ALL;
		CREATE TABLE %[1]s.links AS SELECT deposit || '.' || part AS deposit, person, person_id FROM (SELECT deposit, person, person_id, unnest(parts) AS part FROM %[1]s.member)`,
		s.schema, in.Links, n, seed))
	parts := in
	parts.Deposits, parts.Links = nil, s.schema+".links"
	for i, d := range in.Deposits {
		feed, err := s.feed(in, d.Feed)
		if err != nil {
			t.Fatal(err)
		}
		for part := 1; part <= n; part++ {
			parts.Deposits = append(parts.Deposits, s.part(d, feed, i, part, describes))
		}
	}
	return parts
}

type splitter struct {
	loader
	schema string
	seed   int
}

// part takes one part of a deposit.
func (s splitter) part(d omop.Deposit, feed *intake.Feed, i, part int, describes func(deposit omop.Deposit, resource string) bool) omop.Deposit {
	s.t.Helper()
	one := d
	one.Name, one.Tables = fmt.Sprintf("%s.%d", d.Name, part), map[string]string{}
	for _, ofPersons := range []bool{true, false} {
		for _, r := range feed.Resources {
			rows, delivered := d.Tables[r.Name]
			if !delivered || aboutPersons(r) != ofPersons {
				continue
			}
			condition := s.ofOwners(d, one, feed, r, part)
			if ofPersons {
				by := "line"
				for _, k := range r.Keys {
					by = "coalesce(CAST(" + engine.Quote(k.Name) + " AS VARCHAR), CAST(line AS VARCHAR))"
				}
				condition = fmt.Sprintf("coalesce(m.parts[CAST(1 + hash(%s, %d) %% len(m.parts) AS BIGINT)], 1) = %d", by, s.seed, part)
				if describes(d, r.Name) {
					condition = fmt.Sprintf("list_contains(coalesce(m.parts, [1]), %d)", part)
				}
				rows = fmt.Sprintf("(SELECT r.*, m.parts FROM %s r LEFT JOIN %s.member m ON m.deposit = %s AND m.person = r.person) m", rows, s.schema, engine.Literal(d.Name))
			}
			one.Tables[r.Name] = fmt.Sprintf("%s.%s", s.schema, engine.Quote(fmt.Sprintf("%d_%d_%s", i, part, r.Name)))
			if ofPersons {
				s.exec(fmt.Sprintf("CREATE TABLE %s AS SELECT * EXCLUDE (parts) FROM %s WHERE %s", one.Tables[r.Name], rows, condition))
			} else {
				s.exec(fmt.Sprintf("CREATE TABLE %s AS FROM %s WHERE %s", one.Tables[r.Name], rows, condition))
			}
		}
	}
	return one
}

// ofOwners is the condition of rows whose composite key rows about persons have in the part;
// rows of keys that nobody has are in the first.
func (s splitter) ofOwners(d, one omop.Deposit, feed *intake.Feed, r intake.Resource, part int) string {
	for _, k := range r.Keys {
		key := engine.Quote(k.Name)
		var here, anywhere []string
		for _, o := range feed.Resources {
			rows, taken := one.Tables[o.Name]
			if taken && aboutPersons(o) && slices.ContainsFunc(o.Keys, func(other intake.CompositeKey) bool { return other.Name == k.Name && other.Domain == k.Domain }) {
				here = append(here, "SELECT "+key+" FROM "+rows)
				anywhere = append(anywhere, "SELECT "+key+" FROM "+d.Tables[o.Name]+" WHERE "+key+" IS NOT NULL")
			}
		}
		if len(here) > 0 {
			return fmt.Sprintf("%[1]s IN (%[2]s) OR (%[3]d = 1 AND (%[1]s IS NULL OR %[1]s NOT IN (%[4]s)))", key, strings.Join(here, " UNION ALL "), part, strings.Join(anywhere, " UNION ALL "))
		}
	}
	return "true"
}

func aboutPersons(r intake.Resource) bool {
	return slices.ContainsFunc(r.HealthColumns(), func(c engine.Column) bool { return c.Name == "person" })
}

func (l loader) feed(in omop.Input, name string) (*intake.Feed, error) {
	folder, err := fs.Sub(in.Feeds, name)
	if err != nil {
		return nil, err
	}
	return intake.LoadFeed(folder)
}
