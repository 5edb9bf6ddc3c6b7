package mapping

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"rempart.eu/rempart/engine"
)

// node is a node of a query's tree as DuckDB writes it (json_serialize_sql).
type node map[string]any

// parse takes a query apart.
func parse(ctx context.Context, db *engine.DB, text string) (*node, error) {
	var tree string
	if err := db.Value(ctx, &tree, "SELECT CAST(json_serialize_sql("+engine.Literal(text)+", skip_empty := true, skip_null := true, skip_default := true) AS VARCHAR)"); err != nil {
		return nil, err
	}
	var parsed struct {
		Error      bool   `json:"error"`
		Message    string `json:"error_message"`
		Statements []struct {
			Node node `json:"node"`
		} `json:"statements"`
	}
	if err := json.Unmarshal([]byte(tree), &parsed); err != nil {
		return nil, fmt.Errorf("the parser's answer: %w", err)
	}
	if parsed.Error {
		return nil, errors.New(parsed.Message)
	}
	if len(parsed.Statements) != 1 {
		return nil, fmt.Errorf("want one SELECT, got %d statements", len(parsed.Statements))
	}
	return &parsed.Statements[0].Node, nil
}

func (n node) text(key string) string {
	text, _ := n[key].(string)
	return text
}

func (n node) child(key string) node {
	child, _ := n[key].(map[string]any)
	return child
}

// list is a list of nodes.
func (n node) list(key string) (all []node) {
	items, _ := n[key].([]any)
	for _, item := range items {
		if child, ok := item.(map[string]any); ok {
			all = append(all, child)
		}
	}
	return all
}

func (n node) texts(key string) (all []string) {
	items, _ := n[key].([]any)
	for _, item := range items {
		if text, ok := item.(string); ok {
			all = append(all, text)
		}
	}
	return all
}

// with are the named queries of a node, in order.
func (n node) with() (names []string, queries []node) {
	for _, entry := range n.child("cte_map").list("map") {
		names = append(names, entry.text("key"))
		queries = append(queries, entry.child("value").child("query").child("node"))
	}
	return names, queries
}

// alias is the name of a column that an expression makes.
func (n node) alias() string {
	if alias := n.text("alias"); alias != "" {
		return alias
	}
	if names := n.texts("column_names"); len(names) > 0 {
		return names[len(names)-1]
	}
	return n.text("function_name")
}

// location is where in the text the first part of an expression stands, -1 if nowhere.
func (n node) location() int {
	first := -1
	n.walk(func(x node) bool {
		if at, ok := x["query_location"].(float64); ok && (first < 0 || int(at) < first) {
			first = int(at)
		}
		return true
	})
	return first
}

// firstLocation is where the first column of a SELECT stands.
func (n node) firstLocation() int {
	for _, item := range n.list("select_list") {
		if at := item.location(); at >= 0 {
			return at
		}
	}
	return 0
}

// walk visits an expression and all in it, until visit says that it needs no more.
func (n node) walk(visit func(node) bool) {
	if !visit(n) {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(n)) {
		switch value := n[key].(type) {
		case map[string]any:
			node(value).walk(visit)
		case []any:
			for _, item := range value {
				if child, ok := item.(map[string]any); ok {
					node(child).walk(visit)
				}
			}
		}
	}
}

// tables names what a query reads that it does not define itself, each once, sorted.
func (n node) tables() (all []string) {
	var own []string
	n.walk(func(x node) bool {
		names, _ := x.with()
		own = append(own, names...)
		if x.text("type") == "BASE_TABLE" {
			all = append(all, x.text("table_name"))
		}
		return true
	})
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(t string) bool { return slices.Contains(own, t) })
}
