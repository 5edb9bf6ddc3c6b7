package intake

import (
	"fmt"
	"slices"
	"strings"

	"rempart.eu/rempart/engine"
)

// The types of the engine that columns of a Parquet file may have.
var (
	wholeTypes  = []string{"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
	floatTypes  = []string{"FLOAT", "DOUBLE"}
	momentTypes = []string{"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"}
	otherTypes  = []string{"UUID", "TIME", "BOOLEAN", "DATE"}
)

// columnar returns the SQL that brings a column's values to text, and has the
// field read such text. A whole number stands without a fraction also where a
// column of floats holds it, as libraries write a column of numbers with gaps; a
// timestamp at midnight is a date where the field is one.
func (f *Field) columnar(column engine.Column) (string, error) {
	c, kind := engine.Quote(column.Name), column.Type
	decimal := strings.HasPrefix(kind, "DECIMAL(") && strings.HasSuffix(kind, ")")
	switch {
	case slices.Contains(wholeTypes, kind), decimal, slices.Contains(floatTypes, kind):
		switch f.Type {
		case "integer":
			f.parse = integers("", true)
		case "number":
			f.parse = numbers(".", "", true)
		}
		return numberText(c, kind, f.Type), nil
	case slices.Contains(momentTypes, kind):
		f.isoMoments()
		utc := c + "::TIMESTAMP"
		text := utc + "::VARCHAR"
		if kind == "TIMESTAMP_NS" || kind == "TIMESTAMP WITH TIME ZONE" {
			utc = fmt.Sprintf("make_timestamp(epoch_us(%s))", c)
			text = fmt.Sprintf("coalesce(%s::VARCHAR, %s::VARCHAR)", utc, c) // an infinite one is not missing, but refused
		}
		if f.Type == "date" {
			return fmt.Sprintf("CASE WHEN %[1]s::TIME = TIME '00:00:00' THEN %[1]s::DATE::VARCHAR ELSE %[2]s END", utc, text), nil
		}
		return text, nil
	case kind == "DATE":
		f.isoMoments()
		if f.Type == "datetime" {
			c += "::TIMESTAMP"
		}
		return c + "::VARCHAR", nil
	case kind == "BOOLEAN" && f.Type == "boolean":
		f.parse = booleans([]string{"true"}, []string{"false"})
		return c + "::VARCHAR", nil
	case kind == "VARCHAR":
		return "one_line(" + c + ")", nil
	case slices.Contains(otherTypes, kind):
		return c + "::VARCHAR", nil
	}
	if i := strings.IndexAny(kind, "(["); i >= 0 {
		kind = kind[:i] // what is in a nested type is of no interest
		if kind != "STRUCT" && kind != "MAP" && kind != "ENUM" && kind != "UNION" {
			kind = "LIST"
		}
	}
	return "", fmt.Errorf("the column %q holds values of the type %s, which is no single value", column.Name, kind)
}

// isoMoments has a date or datetime read as the engine writes it.
func (f *Field) isoMoments() {
	switch f.Type {
	case "date":
		f.parse, f.want = isoDates, "date: want a date"
	case "datetime":
		f.parse, f.want = isoTimes, "datetime: want a date and time"
	}
}

// numberText is the SQL of a number's text for a field's type.
func numberText(c, kind, fieldType string) string {
	float := slices.Contains(floatTypes, kind)
	switch {
	case slices.Contains(wholeTypes, kind), !float && fieldType == "number":
		return c + "::VARCHAR"
	case fieldType == "number":
		return fmt.Sprintf("CASE WHEN isnan(%[1]s) THEN 'NaN' WHEN isinf(%[1]s) THEN CASE WHEN %[1]s > 0 THEN 'INF' ELSE '-INF' END ELSE %[1]s::VARCHAR END", c)
	case float:
		return fmt.Sprintf("CASE WHEN abs(%[1]s) < 9007199254740992 AND %[1]s = trunc(%[1]s) THEN %[1]s::BIGINT::VARCHAR ELSE %[1]s::VARCHAR END", c)
	}
	return fmt.Sprintf("CASE WHEN %[1]s = trunc(%[1]s) THEN trunc(%[1]s)::HUGEINT::VARCHAR ELSE %[1]s::VARCHAR END", c)
}
