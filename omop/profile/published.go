package profile

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
)

// analysis is one that Achilles publishes.
type analysis struct {
	ID       int
	Name     string
	Strata   [5]*string // their names
	Default  bool
	Category string
}

func readPublished() (all []analysis, err error) {
	rows, err := csv.NewReader(strings.NewReader(published)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("omop/profile/achilles: %w", err)
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[strings.TrimPrefix(name, "\ufeff")] = i
	}
	for _, row := range rows[1:] {
		a := analysis{Name: row[at["ANALYSIS_NAME"]], Default: row[at["IS_DEFAULT"]] == "1", Category: row[at["CATEGORY"]]}
		if a.ID, err = strconv.Atoi(row[at["ANALYSIS_ID"]]); err != nil {
			return nil, fmt.Errorf("omop/profile/achilles: %w", err)
		}
		for i := range a.Strata {
			if name := row[at[fmt.Sprintf("STRATUM_%d_NAME", i+1)]]; name != "" {
				a.Strata[i] = &name
			}
		}
		all = append(all, a)
	}
	return all, nil
}
