package query

import (
	"fmt"
	"strings"
	"testing"
)

// rowsOf writes an answer as lines.
func rowsOf(a *Answer) string {
	var lines []string
	for _, row := range a.Rows {
		var words []string
		for _, v := range row {
			words = append(words, v.String())
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return strings.Join(lines, "\n")
}

func TestWhatMayBeAsked(t *testing.T) {
	for _, c := range []struct{ it, ask, want string }{
		{"persons", "SELECT count(*) FROM person", "2000"},
		{"by a code, with its name; what is of four persons is left out, and what would tell of them", "SELECT concept_name, count(DISTINCT person_id) AS n FROM person JOIN concept ON gender_concept_id = concept_id GROUP BY 1 ORDER BY n DESC", "MALE 1000"},
		{"by a computed group", "SELECT year_of_birth // 20 * 20 AS born, count(*) FROM person GROUP BY ALL ORDER BY 1", "1940 665\n1960 665\n1980 665"},
		{"bands by CASE", "SELECT CASE WHEN year_of_birth < 1960 THEN 'old' ELSE 'young' END AS band, count(*) FROM person GROUP BY band ORDER BY band", "old 665\nyoung 1335"},
		{"rows of another table, by the person", "SELECT count(*), count(DISTINCT person_id), count(DISTINCT visit_occurrence_id) FROM person JOIN visit_occurrence USING (person_id) WHERE year(visit_start_date) = 2020", "1580 805 1580"},
		{"persons by what they have, with the vocabulary", `SELECT count(*) FROM person WHERE person_id IN (SELECT person_id FROM condition_occurrence
			WHERE condition_concept_id IN (SELECT descendant_concept_id FROM concept_ancestor WHERE ancestor_concept_id = 201826) AND condition_start_date >= DATE '2021-06-01')`, "415"},
		{"persons by how often", "SELECT count(*) FROM person WHERE person_id NOT IN (SELECT person_id FROM visit_occurrence GROUP BY person_id HAVING count(*) >= 3)", "800"},
		{"an average, a median, a deviation", "SELECT avg(value_as_number), median(value_as_number), stddev(value_as_number), quantile_cont(value_as_number, 0.25) FROM measurement WHERE value_as_number < 100", "10 10.1 2.886 7.5"},
		{"a time between dates", "SELECT avg(date_diff('day', visit_start_date, visit_end_date)) AS days FROM visit_occurrence", "3.999"},
		{"a share by FILTER", "SELECT count(*) FILTER (WHERE visit_concept_id = 9201) AS stays, count(*) FROM visit_occurrence", "1500 6000"},
		{"a missing value is a group", "SELECT month_of_birth IS NULL AS missing, count(*) FROM person GROUP BY 1 ORDER BY 1", "false 1780\ntrue 220"},
		{"places", "SELECT state, count(*) FROM person JOIN location USING (location_id) GROUP BY 1 ORDER BY 1 LIMIT 2", "L1 250\nL2 250"},
		{"the same again", "SELECT count(*) FROM person", "2000"},
	} {
		t.Run(c.it, func(t *testing.T) {
			a := newAsker(t)
			answer, err := a.ask(t.Context(), c.ask)
			if err != nil {
				t.Fatal(err)
			}
			if got := rowsOf(answer); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if _, err := a.ask(t.Context(), c.ask); err != nil {
				t.Errorf("asked again: %v", err)
			}
		})
	}
}

// TestSmallGroupsAreNotShown: neither by themselves, nor by what is left of a total.
func TestSmallGroupsAreNotShown(t *testing.T) {
	a := newAsker(t)
	answer, err := a.ask(t.Context(), "SELECT gender_concept_id, count(*) FROM person GROUP BY ROLLUP (gender_concept_id)")
	if err != nil {
		t.Fatal(err)
	}
	if got := rowsOf(answer); strings.Contains(got, "8521") || strings.Contains(got, "8532 ") && strings.Contains(got, "8507 ") {
		t.Errorf("the four can be told:\n%s", got)
	}
	if !answer.Left {
		t.Error("it is not said that groups are left out")
	}
}

func TestDominatedSumsAreNotShown(t *testing.T) {
	a := newAsker(t)
	_, err := a.ask(t.Context(), "SELECT sum(value_as_number) FROM measurement")
	if err == nil {
		t.Error("one person has 99 % of the sum")
	}
	if _, err := a.ask(t.Context(), "SELECT sum(value_as_number) FROM measurement WHERE value_as_number < 100"); err != nil {
		t.Error(err)
	}
}

// TestNobodyIsToldBySeveralQuestions: each story ends with a question whose answer, with
// those before it, would be about few.
func TestNobodyIsToldBySeveralQuestions(t *testing.T) {
	for _, c := range []struct {
		it   string
		asks []string
		last string
	}{
		{"all but few", nil, "SELECT count(*) FROM person WHERE NOT (gender_concept_id = 8521)"},
		{"with and without few", []string{"SELECT count(*) FROM person WHERE year_of_birth < 1970"}, "SELECT count(*) FROM person WHERE year_of_birth < 1970 AND gender_concept_id <> 8521"},
		{"the same by another way of counting", []string{"SELECT count(DISTINCT person_id) FROM visit_occurrence WHERE visit_start_date < DATE '2021-01-01'"}, "SELECT count(*) FROM visit_occurrence WHERE visit_start_date < DATE '2021-01-02' AND visit_concept_id > 0"},
		{"with few in place of few", []string{"SELECT count(*) FROM person WHERE year_of_birth < 1970 AND gender_concept_id <> 8521"}, "SELECT count(*) FROM person WHERE year_of_birth < 1970 AND NOT (year_of_birth = 1941 AND month_of_birth = 4)"},
		{"groups that add up to all but few", []string{"SELECT gender_concept_id, count(*) FROM person WHERE year_of_birth < 1970 GROUP BY 1"}, "SELECT count(*) FROM person WHERE year_of_birth < 1970"},
		{"a range and its years", []string{"SELECT count(*) FROM person WHERE year_of_birth <= 1955 AND gender_concept_id <> 8521"}, "SELECT year_of_birth, count(*) FROM person WHERE year_of_birth <= 1955 GROUP BY 1"},
		{"a tracker: with T, and with what is not T", []string{
			"SELECT count(*) FROM person WHERE gender_concept_id = 8521 OR year_of_birth < 1970",
		}, "SELECT count(*) FROM person WHERE gender_concept_id = 8521 OR year_of_birth >= 1970"},
		{"a tracker in three", []string{
			"SELECT count(*) FROM person WHERE year_of_birth < 1960",
			"SELECT count(*) FROM person WHERE year_of_birth >= 1960 AND year_of_birth < 1980",
		}, "SELECT count(*) FROM person WHERE year_of_birth < 1980 AND gender_concept_id <> 8521"},
		{"a sum with and without one's value", []string{"SELECT sum(value_as_number) FROM measurement WHERE value_as_number < 100"}, "SELECT sum(CASE WHEN measurement_date = DATE '2021-01-06' THEN 0 ELSE value_as_number END) FROM measurement WHERE value_as_number < 100"},
		{"rows of one day", []string{"SELECT count(*) FROM visit_occurrence WHERE visit_start_date < DATE '2021-01-01'"}, "SELECT count(*) FROM visit_occurrence WHERE visit_start_date < DATE '2021-01-02'"},
	} {
		t.Run(c.it, func(t *testing.T) {
			a := newAsker(t)
			for _, q := range c.asks {
				if _, err := a.ask(t.Context(), q); err != nil {
					t.Fatalf("%s: %v", q, err)
				}
			}
			before := a.past
			answer, err := a.ask(t.Context(), c.last)
			if err == nil && !answer.Left && !answer.Hidden {
				t.Errorf("answered: %s\n%d numbers were told before", rowsOf(answer), before.Numbers)
			}
		})
	}
	t.Run("two numbers of one answer", func(t *testing.T) {
		a := newAsker(t)
		answer, err := a.ask(t.Context(), "SELECT count(*), count(*) FILTER (WHERE gender_concept_id <> 8521) FROM person")
		if err != nil {
			t.Fatal(err)
		}
		if got := rowsOf(answer); got != "2000 –" {
			t.Error(got)
		}
	})
}

func TestABudgetEnds(t *testing.T) {
	a := newAsker(t)
	a.past.Questions = BudgetQuestions
	if _, err := a.ask(t.Context(), "SELECT count(*) FROM person"); err == nil || !strings.Contains(err.Error(), fmt.Sprint(BudgetQuestions)) {
		t.Error(err)
	}
}
