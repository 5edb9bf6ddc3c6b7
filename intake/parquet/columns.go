package parquet

import (
	"fmt"
	"reflect"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"rempart.eu/rempart/engine"
)

// column is a column of a file.
type column struct {
	name     string
	kind     kind
	required bool
	values   []parquet.Value // of Rows
}

// kind is the type of a column.
type kind int

// The types that health data has.
const (
	varchar kind = iota
	bigint
	integer
	double
	boolean
	date
	timestamp
)

// options are the settings of a file with these columns.
func options(names []engine.Column) []parquet.WriterOption {
	root := ordered{parquet.Group{}, nil}
	for _, c := range names {
		node := types[c.Type].node
		if !c.Required {
			node = parquet.Optional(node)
		}
		root.Group[c.Name] = node
		root.fields = append(root.fields, field{node, c.Name})
	}
	return []parquet.WriterOption{
		parquet.NewSchema("rows", root),
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest, Concurrency: 1}),
		parquet.DictionaryMaxBytes(1 << 20), // beyond it a column's values are as good as all different
		parquet.MaxRowsPerRowGroup(1 << 40), // the writer cuts groups itself
		parquet.DataPageStatistics(false),
		parquet.CreatedBy("rempart", "", ""),
	}
}

// types are the columns' types by DuckDB's name, each with the encoding that
// costs least time on health data: codes and amounts repeat, numbers and days
// lie near each other.
var types = map[string]struct {
	kind kind
	node parquet.Node
}{
	"VARCHAR":   {varchar, parquet.Encoded(parquet.String(), &parquet.RLEDictionary)},
	"BIGINT":    {bigint, parquet.Encoded(parquet.Int(64), &parquet.DeltaBinaryPacked)},
	"INTEGER":   {integer, parquet.Encoded(parquet.Int(32), &parquet.DeltaBinaryPacked)},
	"DOUBLE":    {double, parquet.Encoded(parquet.Leaf(parquet.DoubleType), &parquet.RLEDictionary)},
	"BOOLEAN":   {boolean, parquet.Leaf(parquet.BooleanType)},
	"DATE":      {date, parquet.Encoded(parquet.Date(), &parquet.DeltaBinaryPacked)},
	"TIMESTAMP": {timestamp, parquet.Encoded(parquet.TimestampAdjusted(parquet.Microsecond, false), &parquet.DeltaBinaryPacked)},
}

func columnsOf(names []engine.Column) ([]column, error) {
	columns := make([]column, len(names))
	for i, c := range names {
		t, known := types[c.Type]
		if !known {
			return nil, fmt.Errorf("write Parquet: column %q has the type %s, which health data does not have", c.Name, c.Type)
		}
		columns[i] = column{name: c.Name, kind: t.kind, required: c.Required}
	}
	return columns, nil
}

// ordered is a group whose fields keep their order; the library's own sorts them.
type ordered struct {
	parquet.Group
	fields []parquet.Field
}

// Fields implements [parquet.Node].
func (g ordered) Fields() []parquet.Field { return g.fields }

// GoType implements [parquet.Node]. No Go value is ever written.
func (g ordered) GoType() reflect.Type { return reflect.TypeFor[struct{}]() }

// field is a column of an ordered group.
type field struct {
	parquet.Node
	name string
}

// Name implements [parquet.Field].
func (f field) Name() string { return f.name }

// Value implements [parquet.Field]. No Go value is ever written.
func (f field) Value(reflect.Value) reflect.Value { return reflect.Value{} }
