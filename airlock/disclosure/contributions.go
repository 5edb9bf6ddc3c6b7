package disclosure

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// checkContributions applies the dominance rules to each declared sum, by the largest
// contributions that the run hands in beside: the table's own label columns, and
// for a column cost the columns cost_1, cost_2, … in descending order.
func (c *checker) checkContributions(t *table, columns []column, text []byte) {
	if c.declared == nil || len(c.declared.Values) == 0 || t.loose {
		return
	}
	if text == nil {
		c.refuse(place{}, "contributions_missing")
		return
	}
	beside, err := readContributions(text, t, columns, c.declared)
	if err != nil {
		c.refuse(place{}, "contributions_unreadable")
		return
	}
	for _, name := range c.declared.Values {
		at := slices.IndexFunc(columns, func(col column) bool { return col.name == name })
		if at < 0 {
			c.refuse(place{}, "contributions_column")
			continue
		}
		ranked := rankedColumns(beside.table.header, name)
		if len(ranked) < max(2, c.rules.Dominance.N) {
			c.refuse(t.as(columns[at]), "contributions_few", "n", max(2, c.rules.Dominance.N))
			continue
		}
		for i, row := range t.rows {
			total, ok := columns[at].cells[i].value()
			if !ok {
				continue // hidden
			}
			largest, ok := beside.rows[beside.key(row, 0)]
			if !ok {
				c.refuse(t.at(i, columns[at]), "contributions_row")
				continue
			}
			c.checkSum(t.at(i, columns[at]), total, largest, ranked)
		}
	}
}

// contributionTable is what a run hands in beside a table: the largest contributions to its sums.
type contributionTable struct {
	table  *table
	shared [][2]int            // the columns with labels: indexes in the table and in this one
	rows   map[string][]string // by their labels
}

func readContributions(text []byte, t *table, columns []column, d *Declaration) (*contributionTable, error) {
	beside, err := parseCSV(string(text), ',')
	if err != nil {
		return nil, err
	}
	if len(beside.header) == 0 {
		return nil, errNoHeader
	}
	b := &contributionTable{beside, sharedLabels(t, columns, beside, d), map[string][]string{}}
	for _, row := range beside.rows {
		b.rows[b.key(row, 1)] = row
	}
	return b, nil
}

var errNoHeader = errors.New("no header")

// key is what the labels of a row say, of the table (side 0) or of the contributions (1).
func (b *contributionTable) key(row []string, side int) string {
	labels := make([]string, len(b.shared))
	for i, s := range b.shared {
		labels[i] = normal(row[s[side]])
	}
	return strings.Join(labels, "\x00")
}

// sharedLabels are the columns that the table and its contributions have both: indexes in each.
func sharedLabels(t *table, columns []column, beside *table, d *Declaration) (shared [][2]int) {
	for _, col := range columns {
		if slices.Contains(d.Values, col.name) || col.role == count || !col.divides(t.rows) && !slices.Contains(d.Dimensions, col.name) {
			continue
		}
		if k := slices.Index(beside.header, col.name); k >= 0 {
			shared = append(shared, [2]int{col.index, k})
		}
	}
	return shared
}

// rankedColumns are the indexes of NAME_1, NAME_2, … in a header.
func rankedColumns(header []string, name string) (ranked []int) {
	for n := 1; ; n++ {
		k := slices.Index(header, fmt.Sprintf("%s_%d", name, n))
		if k < 0 {
			return ranked
		}
		ranked = append(ranked, k)
	}
}

func (c *checker) checkSum(at place, total float64, row []string, ranked []int) {
	largest := contributions(row, ranked)
	switch {
	case largest == nil, slices.Min(largest) < 0, !descending(largest):
		c.refuse(at, "contributions_order")
	case sumOf(largest) > total*(1+1e-6)+1e-6:
		c.refuse(at, "contributions_exceed")
	default:
		d := c.rules.Dominance
		if d.Concentrated(total, largest) {
			c.refuse(at, "dominance", "n", d.N, "k", fmt.Sprintf("%.4g", d.K))
		}
		if d.Estimable(total, largest) {
			c.refuse(at, "p-percent", "p", fmt.Sprintf("%.4g", d.P))
		}
	}
}

// contributions reads the ranked cells of a row; empty ones end them. It is nil
// where one is no number.
func contributions(row []string, ranked []int) []float64 {
	largest := []float64{}
	for _, k := range ranked {
		if strings.TrimSpace(row[k]) == "" {
			break
		}
		v, ok := read(row[k]).value()
		if !ok {
			return nil
		}
		largest = append(largest, v)
	}
	if len(largest) == 0 {
		return nil
	}
	return largest
}

func descending(v []float64) bool {
	for i := 1; i < len(v); i++ {
		if v[i] > v[i-1] {
			return false
		}
	}
	return true
}

func sumOf(v []float64) (sum float64) {
	for _, x := range v {
		sum += x
	}
	return sum
}
