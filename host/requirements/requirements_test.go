package requirements

import (
	"bytes"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestCatalogueIsOSCAL validates the catalogue, and shows that the schema
// refuses what is none.
func TestCatalogueIsOSCAL(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("testdata/oscal-catalog.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	validate := func(text []byte) error {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(document)
	}
	if err := validate(JSON()); err != nil {
		t.Errorf("%#v", err)
	}
	for _, change := range [][2]string{
		{`"controls"`, `"requirements"`},
		{`"store-whole"`, `"store whole"`},
		{`"last-modified": "2026-11-23T00:00:00Z"`, `"last-modified": "yesterday"`},
	} {
		broken := strings.Replace(string(JSON()), change[0], change[1], 1)
		if broken == string(JSON()) {
			t.Fatalf("%s is not in the catalogue", change[0])
		}
		if validate([]byte(broken)) == nil {
			t.Errorf("the schema takes %s", change[1])
		}
	}
}

// TestCatalogueIsComplete: every area of the comparison has requirements, each
// with a statement, a source, a weight and a proof.
func TestCatalogueIsComplete(t *testing.T) {
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	areas := map[string]int{}
	unnecessary := 0
	for _, area := range c.Areas {
		areas[area.ID] = len(area.Controls)
		for i := range area.Controls {
			control := &area.Controls[i]
			if control.Statement() == "" || control.Title == "" || len(control.Links) == 0 {
				t.Errorf("%s has no statement, title or source", control.ID)
			}
			for _, l := range control.Links {
				if !bytes.Contains(JSON(), []byte(`"uuid": "`+strings.TrimPrefix(l.Href, "#")+`"`)) {
					t.Errorf("%s cites %s, which is not in the back matter", control.ID, l.Text)
				}
			}
			if control.Unnecessary() != "" {
				unnecessary++
			}
		}
	}
	for _, want := range []string{"store", "consistency", "s3", "speed", "network", "machine", "kernel", "identity", "service", "certification", "law"} {
		if areas[want] == 0 {
			t.Errorf("the area %s has no requirement", want)
		}
	}
	if keys, ok := c.Control("id-keys"); !ok || keys.Unnecessary() == "" {
		t.Error("a host without a key management service must lose no point")
	}
	if unnecessary < 5 {
		t.Errorf("%d requirements are unnecessary", unnecessary)
	}
}

func TestParseRefuses(t *testing.T) {
	for change, want := range map[[2]string]string{
		{`"value": "5"`, `"value": "6"`}:                                  "want 1 to 5",
		{`"value": "probe"`, `"value": "hearsay"`}:                        "want probe, document or declaration",
		{`"store-empty"`, `"store-whole"`}:                                "is there twice",
		{"\"values\": [\n                  \"100\"", `"values": ["fast"`}: "want a number",
		{`"catalog"`, `"profile"`}:                                        `with a "catalog"`,
	} {
		broken := strings.Replace(string(JSON()), change[0], change[1], 1)
		if broken == string(JSON()) {
			t.Errorf("%q is not in the catalogue", change[0])
		}
		if _, err := Parse([]byte(broken)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", change[1], err, want)
		}
	}
}
