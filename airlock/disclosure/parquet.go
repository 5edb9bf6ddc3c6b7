package disclosure

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
)

// checkParquet examines the table of a Parquet file, and that nothing else is in the file.
// Source: Apache Parquet, file format.
func (c *checker) checkParquet(data []byte) {
	t, err := c.readParquet(data)
	if err != nil {
		c.refuse(place{}, "broken_parquet")
		return
	}
	if t != nil {
		c.checkTable(t)
	}
}

// plain are the types whose values stand in a table as they are: a decimal would be another
// number elsewhere.
var plain = regexp.MustCompile(`^(BOOLEAN|INT32|INT64|INT\(.*\)|FLOAT|DOUBLE|STRING|ENUM|DATE)$`)

var errNested = errors.New("the table has columns within columns")

// readParquet reads a flat table; nil where what was found already refuses the file.
func (c *checker) readParquet(data []byte) (t *table, err error) {
	defer func() { // the library trusts what a file says of itself
		if r := recover(); r != nil {
			t, err = nil, fmt.Errorf("%v", r)
		}
	}()
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)), parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true))
	if err != nil {
		return nil, err
	}
	if len(f.Metadata().KeyValueMetadata) > 0 {
		c.refuse(place{}, "metadata_parquet")
		return nil, nil
	}
	if !tiled(f, data) {
		c.refuse(place{}, "trailing-data_parquet")
		return nil, nil
	}
	if n := f.NumRows(); n > int64(c.rules.MaxRows) {
		c.refuse(place{}, "rows_parquet", "n", c.rules.MaxRows)
		return nil, nil
	}
	t = &table{headerLine: 1}
	for _, column := range f.Schema().Fields() {
		if !column.Leaf() || column.Repeated() || !plain.MatchString(column.Type().String()) {
			return nil, errNested
		}
		t.header = append(t.header, column.Name())
	}
	if len(t.header) > c.rules.MaxRows {
		return nil, errNested
	}
	size := 0
	for _, group := range f.RowGroups() {
		if err := c.readGroup(group, t, &size); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// readGroup adds the rows of a row group. What it unpacks to is bounded as a file is.
func (c *checker) readGroup(group parquet.RowGroup, t *table, size *int) (err error) {
	rows := group.Rows()
	defer func() { err = errors.Join(err, rows.Close()) }()
	fields := group.Schema().Fields()
	buffer := make([]parquet.Row, 64)
	for {
		n, err := rows.ReadRows(buffer)
		for _, row := range buffer[:n] {
			cells := make([]string, len(t.header))
			for _, v := range row {
				if k := v.Column(); k >= 0 && k < len(cells) {
					cells[k] = parquetText(v, fields[k])
					*size += len(cells[k])
				}
			}
			if int64(*size) > 4*c.rules.MaxBytes || len(t.rows) > c.rules.MaxRows {
				return errors.New("the file unpacks to more than it may")
			}
			t.rows, t.lines = append(t.rows, cells), append(t.lines, len(t.rows)+2)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// parquetText is a value as CSV would hold it.
func parquetText(v parquet.Value, field parquet.Field) string {
	if v.IsNull() {
		return ""
	}
	switch v.Kind() {
	case parquet.Boolean:
		return strconv.FormatBool(v.Boolean())
	case parquet.Int32:
		if field.Type().String() == "DATE" {
			return time.Unix(int64(v.Int32())*24*3600, 0).UTC().Format(time.DateOnly)
		}
		return strconv.FormatInt(int64(v.Int32()), 10)
	case parquet.Int64:
		return strconv.FormatInt(v.Int64(), 10)
	case parquet.Float:
		return strconv.FormatFloat(float64(v.Float()), 'f', -1, 32)
	case parquet.Double:
		return strconv.FormatFloat(v.Double(), 'f', -1, 64)
	}
	return string(v.ByteArray())
}

// tiled says whether the columns, and the indexes of them, fill the file between its first bytes and its footer.
func tiled(f *parquet.File, data []byte) bool {
	if len(data) < 12 {
		return false
	}
	end := int64(len(data)) - 8 - int64(binary.LittleEndian.Uint32(data[len(data)-8:]))
	type span struct{ from, size int64 }
	var spans []span
	for _, group := range f.Metadata().RowGroups {
		for _, column := range group.Columns {
			m := column.MetaData
			from := m.DataPageOffset
			if m.DictionaryPageOffset > 0 && m.DictionaryPageOffset < from {
				from = m.DictionaryPageOffset
			}
			for _, s := range []span{
				{from, m.TotalCompressedSize}, {m.BloomFilterOffset, int64(m.BloomFilterLength)},
				{column.OffsetIndexOffset, int64(column.OffsetIndexLength)}, {column.ColumnIndexOffset, int64(column.ColumnIndexLength)},
			} {
				if s.size != 0 {
					spans = append(spans, s)
				}
			}
			if len(m.KeyValueMetadata) > 0 {
				return false
			}
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.from - b.from) })
	at := int64(4)
	for _, s := range spans {
		if s.from != at || s.size < 0 {
			return false
		}
		at += s.size
	}
	return at == end
}
