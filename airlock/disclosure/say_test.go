package disclosure

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"rempart.eu/rempart/internal/words"
)

// said are the codes of the source, with the places that it fills of each.
func said(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			of, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains([]string{"refuse", "review", "refuseIn", "silent"}, of.Sel.Name) {
				return true
			}
			code, places := "", []string(nil)
			for i := 0; i < len(call.Args); i++ {
				text, ok := call.Args[i].(*ast.BasicLit)
				if !ok || text.Kind != token.STRING {
					continue
				}
				word, err := strconv.Unquote(text.Value)
				switch {
				case err != nil:
					t.Fatal(err)
				case code == "":
					code = word
				default:
					places = append(places, word)
					i++ // its value
				}
			}
			if code != "" && call.Ellipsis == token.NoPos {
				all[code] = places
			}
			return true
		})
	}
	return all
}

var places = regexp.MustCompile(`\{([a-z_]+)\}`)

// TestEveryCodeIsSaidInBothLanguages: a code of the source has its sentence in English and French, with the
// places that the source fills and no other; and no sentence is without its code.
func TestEveryCodeIsSaidInBothLanguages(t *testing.T) {
	for _, fault := range words.Check(Catalogue) {
		t.Error(fault)
	}
	var catalogue map[string]map[string]map[string]string
	if _, err := toml.Decode(Catalogue, &catalogue); err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, pattern := range []string{"*.go", "../../project/membership/*.go", "../../project/membership/*.py", "../../project/measure.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			source.Write(text)
		}
	}
	codes := said(t)
	if len(codes) < 100 {
		t.Fatalf("%d codes were found in the source", len(codes))
	}
	for code, filled := range codes {
		text, ok := catalogue["finding"][code]
		if !ok {
			t.Errorf("the code %q has no sentence", code)
			continue
		}
		var want []string
		for _, m := range places.FindAllStringSubmatch(text["en"], -1) {
			want = append(want, m[1])
		}
		slices.Sort(want)
		slices.Sort(filled)
		if !slices.Equal(slices.Compact(want), filled) {
			t.Errorf("%s: the sentence has the places %v, the source fills %v", code, want, filled)
		}
	}
	for _, group := range []string{"finding", "change", "untestable"} {
		for code := range catalogue[group] {
			if !strings.Contains(source.String(), `"`+code+`"`) {
				t.Errorf("nothing says %s.%s", group, code)
			}
		}
	}
	numbers := strings.Fields("n minimum bytes points k p members others auc low high shadow_auc shadow_low shadow_high models caught gap remembered given features base line")
	for group, texts := range catalogue {
		for code, text := range texts {
			for _, m := range places.FindAllStringSubmatch(text["en"], -1) {
				if _, word := wordPlaces[m[1]]; word == slices.Contains(numbers, m[1]) {
					t.Errorf("%s.%s: is the place %s for a word or a number?", group, code, m[1])
				}
			}
		}
	}
}

func TestAFindingIsToldInTheReadersLanguage(t *testing.T) {
	french := languages()["fr"]
	for _, c := range []struct {
		f    Finding
		want string
	}{
		{Finding{Line: 7, Column: 2, Field: "persons", Code: "small-count", Values: values("minimum", 11)}, "ligne 7, colonne persons\u00a0: l’effectif est inférieur à l’effectif minimal de 11\u00a0: regroupez des catégories, ou retirez la ligne"},
		{Finding{Column: 2, Code: "no-number"}, "colonne 2\u00a0: la colonne porte le nom d’un effectif et n’en contient aucun\u00a0: donnez-lui un autre nom, ou lisez ce qu’elle dit"},
		{Finding{Code: "size_pixels", Values: values("n", maxPixels)}, "l’image compte plus de 40\u202f000\u202f000 pixels\u00a0: enregistrez-la plus petite"},
		{Finding{Code: "identifier_maybe", Values: values("kind", "telephone number")}, "cela ressemble à l’identifiant d’une personne (numéro de téléphone)\u00a0: assurez-vous que ce n’en est pas un, ou retirez-le"},
		{Finding{Code: "implied-count_of", Values: values("minimum", 11, "column", "2020")}, "avec la colonne 2020, cette proportion donne un effectif inférieur à l’effectif minimal de 11\u00a0: regroupez des catégories, ou retirez la ligne"},
		{Finding{Code: "membership_untestable", Values: values("why", "width", "given", 3, "features", 1200)}, "le test d’appartenance n’a pas pu être fait\u00a0: il prend 3 nombres par ligne, et la table d’apprentissage a 1\u202f200 variables"},
		{NotGranted([]string{"tables", "models"}), "l’autorisation ne laisse sortir que\u00a0: tableaux, modèles. Faites-la modifier, ou produisez un autre type de fichier"},
	} {
		if got := c.f.Say(french); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
	if got := Say(french, "membership_apart", values("auc", "0.74", "low", "0.70", "high", "0.78")); !strings.Contains(got, "de 0,74, entre 0,70 et 0,78") {
		t.Error(got)
	}
	if got := Say(french, "of tomorrow", nil); got != "" {
		t.Errorf("a code that there is not is told as %q", got)
	}
}

// What a sandbox says of why it could not test a model is one of the reasons, and nothing else.
func TestAReasonFromASandboxIsOneOfOurs(t *testing.T) {
	for report, want := range map[string]string{
		`{"untestable": "runtime", "values": {"error": "Fail"}}`:                    "it cannot be opened by ONNX Runtime (Fail)",
		`{"untestable": "marie.dupont@example.fr has asthma"}`:                      "it said what cannot be read",
		`{"untestable": "runtime", "values": {"error": "marie.dupont@example.fr"}}`: "it cannot be opened by ONNX Runtime ()",
		`no`: "it said what cannot be read",
	} {
		r, err := Examine(Output{Name: "m.safetensors", Data: []byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"), Size: 10, Measured: []byte(report)}, Standard(11))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(r.Findings); !strings.Contains(got, want) || strings.Contains(got, "dupont") {
			t.Errorf("%s: %s", report, got)
		}
	}
}
