package feeds_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rempart.eu/rempart/feeds"
)

const published = "../../shared/data/schema-snds/schemas"

// descriptor is what of a datapackage.json is compared with the published schema.
type descriptor struct {
	Resources []struct {
		Name   string
		Path   string
		Schema schema
	}
}

type schema struct {
	Fields      []schemaField
	PrimaryKey  list
	ForeignKeys []struct {
		Fields    list
		Reference struct {
			Resource string
			Fields   list
		}
	}
}

type schemaField struct {
	Name, Type, Format, Length string
	Constraints                struct{ MaxLength *int }
}

// list is a text or several.
type list []string

func (l *list) UnmarshalJSON(raw []byte) error {
	if raw[0] == '"' {
		*l = list{""}
		return json.Unmarshal(raw, &(*l)[0])
	}
	return json.Unmarshal(raw, (*[]string)(l))
}

// Tables, fields, types, lengths and keys are those of the published schema,
// but for what is said here.
func TestSNDSIsThePublishedSchema(t *testing.T) {
	tables := publishedTables(t)
	ours := sndsDescriptor(t)
	paths := map[string]string{}
	for _, r := range ours.Resources {
		paths[strings.TrimSuffix(r.Path, ".csv")] = r.Name
	}
	for _, r := range ours.Resources {
		t.Run(r.Name, func(t *testing.T) {
			table, ok := tables[r.Path]
			if r.Name == "correspondance" {
				return // ours: who stands behind the pseudonyms
			}
			if !ok {
				t.Fatalf("no published table is called %s", r.Path)
			}
			var got, want []string
			for _, f := range r.Schema.Fields {
				if !slices.Contains(unpublished, r.Name+"."+f.Name) && f.Name != "aa" {
					got = append(got, fmt.Sprintf("%s %s %s", f.Name, f.Type, length(f.Constraints.MaxLength)))
				}
			}
			for _, f := range table.Fields {
				kind, n := restated(r.Name, f)
				want = append(want, fmt.Sprintf("%s %s %s", f.Name, kind, n))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("fields (-published +ours):\n%s", diff)
			}
			sameKey(t, r.Name, table.PrimaryKey, r.Schema.PrimaryKey)
			if diff := cmp.Diff(table.references(paths), r.Schema.references(nil)); diff != "" {
				t.Errorf("foreign keys (-published +ours):\n%s", diff)
			}
		})
	}
}

// unpublished are fields that files have and the schema lacks.
var unpublished = []string{"er_dct_f.DCT_FOR_AMO"}

// restated is the type and the length that a published field has with us.
//
//   - A year and month (AAAAMM) is a text of six digits, and a month alone an
//     integer: neither is a day.
//   - A datetime is a date: the time is midnight everywhere.
//   - A boolean is a text: they are codes of which the published sample had 0 and 1.
//   - The numbers that name hospitals and stays are texts in every table: they
//     have leading zeros and letters (Corsica), and the tables are joined by them.
//   - A length is checked for texts. Those of numbers differ for one field between
//     tables (DCT_ORD_NUM 8 and 9; FLX_EMT_NUM 2 and 4), and are not.
func restated(table string, f schemaField) (kind, length string) {
	if other, ok := contradicted[f.Name]; ok && !(f.Name == "BEN_IDT_ANO" && table != "ir_ben_r") {
		return other[0], other[1]
	}
	switch {
	case f.Type == "yearmonth":
		return "string", "-"
	case f.Type == "date" && f.Format == "%m":
		return "integer", "-"
	case f.Type == "date", f.Type == "datetime":
		return "date", "-"
	case f.Type == "boolean":
		return "string", "-"
	case f.Type == "integer" && slices.Contains(naming, f.Name):
		return "string", f.Length
	case f.Type != "string":
		return f.Type, "-"
	}
	if _, err := strconv.Atoi(f.Length); err != nil {
		return "string", "-"
	}
	return "string", f.Length
}

// naming are numbers that name hospitals and stays.
var naming = []string{"ETA_NUM", "RSA_NUM"}

// contradicted are fields of which the publications contradict themselves: type and length with us.
var contradicted = map[string][2]string{
	"ENT_AM":      {"string", "-"},  // a date by its type, a year and month by its description
	"SOR_AM":      {"string", "-"},  // the same
	"ARO_THE_TAU": {"number", "-"},  // an integer in ER_ARO_F, a number in ER_BIO_F; rates have decimals
	"GES_GRG_COD": {"string", "3"},  // an integer, of a nomenclature with letters (IR_GES_V)
	"PSP_PPS_NUM": {"string", "11"}, // of nine places; an RPPS number has eleven digits
	"BEN_IDT_ANO": {"string", "18"}, // of 17 places in IR_BEN_R, 18 elsewhere: BEN_NIR_PSA and the rank where BEN_NIR_ANO is missing
}

func length(n *int) string {
	if n == nil {
		return "-"
	}
	return strconv.Itoa(*n)
}

// sameKey compares primary keys. With us a key of the PMSI begins with the year,
// which is in the table's name.
func sameKey(t *testing.T, table string, published, ours list) {
	t.Helper()
	ours = slices.DeleteFunc(slices.Clone(ours), func(name string) bool { return name == "aa" })
	slices.Sort(ours)
	want := slices.Sorted(slices.Values(published))
	if slices.Contains(severalRows, table) {
		want = nil
	}
	if diff := cmp.Diff(want, []string(ours)); diff != "" && len(want)+len(ours) > 0 {
		t.Errorf("primary key (-published +ours):\n%s", diff)
	}
}

// references lists foreign keys as "fields -> resource". Published ones are taken
// where the feed takes the table that they refer to, given in taken by its name
// (psychiatry refers to its bills, which it does not take); the person is looked
// up in another way.
func (s schema) references(taken map[string]string) []string {
	var out []string
	for _, key := range s.ForeignKeys {
		to := key.Reference.Resource
		if taken != nil {
			to = taken[strings.ToLower(to)]
		}
		fields := slices.Sorted(slices.Values(slices.DeleteFunc(slices.Clone(key.Fields), func(name string) bool { return name == "aa" })))
		if to != "" && to != "ir_ben_r" {
			out = append(out, strings.Join(fields, " ")+" -> "+to)
		}
	}
	slices.Sort(out)
	return out
}

// severalRows are tables whose published key is that of the stay or the bill,
// of which they have several rows: sub-sequences, invoices, services.
var severalRows = []string{"had_b", "mco_fastc", "mco_fbstc"}

// publishedTables reads the schemas by the lower-case names of the tables' files.
func publishedTables(t *testing.T) map[string]schema {
	t.Helper()
	tables := map[string]schema{}
	err := filepath.WalkDir(published, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var s schema
		if err := json.Unmarshal(text, &s); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		tables[strings.ToLower(strings.TrimSuffix(filepath.Base(path), ".json"))+".csv"] = s
		return nil
	})
	if os.IsNotExist(err) {
		t.Skipf("the published schema is not here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

func sndsDescriptor(t *testing.T) descriptor {
	t.Helper()
	text, err := fs.ReadFile(feeds.FS(), "snds/datapackage.json")
	if err != nil {
		t.Fatal(err)
	}
	var d descriptor
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}
