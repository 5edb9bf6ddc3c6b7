package query

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxText is how many bytes a question may have.
const MaxText = 16 << 10

// Refused says why a question is not answered, and what to ask instead.
type Refused struct {
	Reason string `json:"reason"`
	Remedy string `json:"remedy,omitempty"`
}

func (r *Refused) Error() string { return r.Reason }

func refuse(remedy, reason string, args ...any) error {
	return &Refused{fmt.Sprintf(reason, args...), remedy}
}

// node is a part of DuckDB's own syntax tree, as json_serialize_sql writes it. Fields of
// parts that are never allowed are kept apart, so that their presence is seen.
type node struct {
	Class string `json:"class"`
	Type  string `json:"type"`
	Alias string `json:"alias"`

	// of a SELECT
	Select     []*node         `json:"select_list"`
	From       *node           `json:"from_table"`
	Where      *node           `json:"where_clause"`
	Groups     []*node         `json:"group_expressions"`
	Sets       [][]int         `json:"group_sets"`
	Handling   string          `json:"aggregate_handling"`
	Having     *node           `json:"having"`
	Qualify    json.RawMessage `json:"qualify"`
	Sample     json.RawMessage `json:"sample"`
	CTE        json.RawMessage `json:"cte_map"`
	Modifiers  []*node         `json:"modifiers"`
	Orders     []*node         `json:"orders"`
	Limit      *node           `json:"limit"`
	Offset     *node           `json:"offset"`
	Expression *node           `json:"expression"`

	// of a table
	Catalog     string          `json:"catalog_name"`
	Schema      string          `json:"schema_name"`
	Table       string          `json:"table_name"`
	Left        *node           `json:"left"` // of a comparison, too
	Right       *node           `json:"right"`
	Condition   *node           `json:"condition"`
	JoinType    string          `json:"join_type"`
	RefType     string          `json:"ref_type"`
	Using       []string        `json:"using_columns"`
	ColumnAlias []string        `json:"column_name_alias"`
	At          json.RawMessage `json:"at_clause"`

	Call *node `json:"function"` // of a function that stands for a table

	// of an expression
	Names    []string              `json:"column_names"`
	Function string                `json:"function_name"`
	Children []*node               `json:"children"`
	Child    *node                 `json:"child"`
	Distinct bool                  `json:"distinct"`
	Filter   *node                 `json:"filter"`
	OrderBys *node                 `json:"order_bys"`
	Checks   []caseCheck           `json:"case_checks"`
	Else     *node                 `json:"else_expr"`
	Input    *node                 `json:"input"`
	Lower    *node                 `json:"lower"`
	Upper    *node                 `json:"upper"`
	Value    *constant             `json:"value"`
	CastType *typeName             `json:"cast_type"`
	Subquery *struct{ Node *node } `json:"subquery"`
	SubType  string                `json:"subquery_type"`
	Compare  string                `json:"comparison_type"`
}

type caseCheck struct {
	When *node `json:"when_expr"`
	Then *node `json:"then_expr"`
}

type typeName struct {
	ID   string `json:"id"`
	Info *struct {
		Scale int `json:"scale"`
	} `json:"type_info"`
}

type constant struct {
	Type   typeName        `json:"type"`
	IsNull bool            `json:"is_null"`
	Value  json.RawMessage `json:"value"`
}

// parse has DuckDB read a question, and nothing more.
func parse(ctx context.Context, db *sql.Conn, text string) (*node, error) {
	if len(text) > MaxText {
		return nil, refuse("Ask less at a time, or run a study", "the question has %d bytes: at most %d are read", len(text), MaxText)
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r == 0 || r == 0xfeff }) {
		return nil, refuse("", "the question is no plain text (UTF-8)")
	}
	var tree string
	if err := db.QueryRowContext(ctx, "SELECT json_serialize_sql(?::VARCHAR, skip_null := true, skip_empty := true)::VARCHAR", text).Scan(&tree); err != nil {
		return nil, refuse("Write one SELECT in DuckDB's SQL", "the question cannot be read as SQL")
	}
	var said struct {
		Error      bool   `json:"error"`
		Type       string `json:"error_type"`
		Message    string `json:"error_message"`
		Statements []struct {
			Node       *node             `json:"node"`
			Parameters []json.RawMessage `json:"named_param_map"`
		} `json:"statements"`
	}
	if err := json.Unmarshal([]byte(tree), &said); err != nil {
		return nil, refuse("Ask for less at a time", "the question has parts that are not known here")
	}
	switch {
	case said.Error && said.Type == "not implemented":
		return nil, refuse("Ask with SELECT; everything else is for a study: rempart run", "only SELECT is answered")
	case said.Error:
		return nil, refuse("Write one SELECT in DuckDB's SQL", "the question cannot be read as SQL: %s", oneLine(said.Message))
	case len(said.Statements) == 0:
		return nil, refuse("Such as: SELECT count(*) FROM person", "nothing is asked")
	case len(said.Statements) > 1:
		return nil, refuse("Ask one after the other", "%d statements stand there: one question at a time", len(said.Statements))
	case len(said.Statements[0].Parameters) > 0:
		return nil, refuse("Write the value", "a question has no parameters")
	}
	return said.Statements[0].Node, nil
}

// oneLine is the first line of a message of the parser, which sees the question alone.
func oneLine(message string) string {
	line, _, _ := strings.Cut(message, "\n")
	if r := []rune(line); len(r) > 200 {
		line = string(r[:200]) + "…"
	}
	return line
}
