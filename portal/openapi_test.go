package portal

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/invopop/jsonschema"

	"rempart.eu/rempart/airlock"
	"rempart.eu/rempart/internal/golden"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/linkage"
	"rempart.eu/rempart/people"
	"rempart.eu/rempart/project"
)

// operation is what the API's description says of a route.
type operation struct {
	summary string
	scope   string // "": it needs no token
	query   string // what may stand in the query, separated by blanks
	in, out any
}

// operations describe every route of the API.
var operations = map[string]operation{
	"GET /api/v1/openapi.json":       {summary: "This description"},
	"GET /api/v1/problems/{kind}":    {summary: "What a kind of problem means", out: people.Problem{}},
	"GET /api/v1/register":           {summary: "The public register of projects", query: "q status", out: registerData{}},
	"GET /api/v1/register/{project}": {summary: "What the public is told of a project", out: entryData{}},

	"GET /api/v1/waiting":                      {"What waits for the token's owner", reading, "", nil, homeData{}},
	"GET /api/v1/projects":                     {"Projects that the owner sees", reading, "q status", nil, projectsData{}},
	"GET /api/v1/projects/{project}":           {"A project, and one version of its authorisation beside the one before", reading, "version", nil, projectData{}},
	"GET /api/v1/projects/{project}/query":     {"What a project's space can be asked of, by its researcher", reading, "", nil, queryData{}},
	"POST /api/v1/projects/{project}/query":    {"Answers a question in SQL about a project's space with counts and summaries that show nobody", asking, "", asksData{}, project.Answered{}},
	"GET /api/v1/projects/{project}/questions": {"What was asked of a project's space, without what it told", reading, "", nil, questionsData{}},
	"GET /api/v1/projects/{project}/wheels":    {"Python packages that a project has asked for or brought along", reading, "", nil, wheelsData{}},
	"GET /api/v1/projects/{project}/renewals":  {"Later releases that a project could have the data of, and those that it asked for", reading, "", nil, renewalsData{}},
	"GET /api/v1/runs":                         {"Runs that wait or are under way, or all", reading, "project status", nil, runsData{}},
	"GET /api/v1/runs/{run}":                   {"A run: where it is, what it uses, and to researchers of its project what it prints", reading, "", nil, runData{}},
	"GET /api/v1/outputs":                      {"Outputs that ask to leave, or asked", reading, "status", nil, outputsData{}},
	"GET /api/v1/outputs/{output}":             {"An output, and what the disclosure check found", reading, "", nil, outputData{}},
	"GET /api/v1/releases":                     {"Releases", reading, "", nil, releasesData{}},
	"GET /api/v1/releases/{release}":           {"A release: where it comes from, and what it has", reading, "", nil, releaseData{}},
	"GET /api/v1/releases/{release}/quality":   {"What the checks of a release's quality found, without counts of few", reading, "", nil, qualityData{}},
	"GET /api/v1/releases/{release}/profile":   {"What changed in a release against the one before, without counts of few", reading, "", nil, profileData{}},
	"GET /api/v1/hosts":                        {"Hosts of the register, and moves between them", reading, "", nil, hostsData{}},
	"GET /api/v1/hosts/{host}":                 {"A host", reading, "", nil, hostData{}},
	"GET /api/v1/keys":                         {"Keys, and what they open", reading, "", nil, keysData{}},
	"GET /api/v1/outputs/{output}/content":     {"The bytes of an output that its checker has opened, ten minutes ago at most", reading, "statement", nil, nil},
	"POST /api/v1/outputs/{output}/view":       {"Opens an output for its checker: answered with the statement to sign", deciding, "", nil, signData{}},
	"GET /api/v1/outputs/{output}/code":        {"The code that made an output, and what it changed since the last release", reading, "", nil, airlock.Context{}},
	"GET /api/v1/outputs/{output}/suggest":     {"What hiding, merging and rounding would change in an output, without any value", reading, "", nil, suggestData{}},
	"POST /api/v1/outputs/{output}/change":     {"Has an output changed by a method: answered with the statement to sign", requesting, "", acted{}, signData{}},
	"POST /api/v1/outputs/{output}/comment":    {"Comments on an output: answered with the statement to sign", requesting, "", acted{}, signData{}},
	"POST /api/v1/outputs/{output}/assign":     {"Takes an output, or gives it to another checker: answered with the statement to sign", deciding, "", acted{}, signData{}},
	"POST /api/v1/outputs/{output}/download":   {"A released output with its receipt, as a zip, once", requesting, "", nil, nil},
	"GET /api/v1/parties":                      {"Who takes part", reading, "", nil, partiesData{}},
	"GET /api/v1/ledger":                       {"The ledger as a story, the latest first", reading, "project actor kind from to skip", nil, storyData{}},
	"GET /api/v1/ledger/{index}":               {"A statement", reading, "", nil, statementData{}},
	"GET /api/v1/receipt/{index}":              {"What proves that a statement is in the ledger", reading, "", nil, ledger.Receipt{}},
	"GET /api/v1/consistency":                  {"What proves that the ledger has only grown: the hashes of RFC 6962, section 2.1.2", reading, "from to", nil, [][]byte{}},
	"GET /api/v1/verify":                       {"The key of the ledger's checkpoints", reading, "", nil, verifyData{}},

	"POST /api/v1/projects":                 {"Asks for a project: answered with the statement to sign", requesting, "", asked{}, signData{}},
	"POST /api/v1/projects/{project}/amend": {"Asks for another text of an authorisation: answered with the statement to sign", requesting, "", asked{}, signData{}},
	"POST /api/v1/statements":               {"Records a statement that its actor has signed. Sent again, it is answered the same (200) and recorded once (201)", deciding, "", signedEnvelope{}, recordedData{}},
}

// operationOf is what is said of a route; a form and its preparation go together.
func operationOf(pattern string) (operation, bool) {
	if o, known := operations[pattern]; known {
		return o, true
	}
	method, path, _ := strings.Cut(pattern, " ")
	what, known := decisionsTold[strings.TrimPrefix(path, "/api/v1")]
	if method == http.MethodGet {
		return operation{what + ": what can be decided, if the owner may", reading, "", nil, decideData{}}, known
	}
	scope := deciding
	if slices.Contains(requestsTold, strings.TrimPrefix(path, "/api/v1")) {
		scope = requesting
	}
	return operation{what + ": answered with the statement to sign", scope, "", verdict{}, signData{}}, known
}

// requestsTold are the forms by which somebody asks, and decides on nothing.
var requestsTold = []string{"/projects/{project}/renewals/ask", "/projects/{project}/extend"}

// decisionsTold tells each decision that has a form.
var decisionsTold = map[string]string{
	"/projects/{project}/decide":                      "Approves or refuses the version of a project that waits",
	"/projects/{project}/hold":                        "Suspends a project, or lets it go on",
	"/projects/{project}/close":                       "Ends a project and destroys its key",
	"/projects/{project}/emergency":                   "Opens a project's data before anybody has agreed",
	"/hosts/{host}/order":                             "Orders a step of hours that a machine takes: moving, leaving, erasing",
	"/releases/{release}/erase":                       "Destroys a release's key",
	"/keys/{key}/destroy":                             "Destroys a key: what it opens is erased",
	"/parties/review":                                 "Says that an officer found right who has which role",
	"/runs/{run}/cancel":                              "Ends a run that waits or is under way",
	"/projects/{project}/wheels/{request}/decide":     "Lets a package in that was asked for, or keeps it out",
	"/projects/{project}/packages/{package}/withdraw": "Takes a package from a project's studies",
	"/projects/{project}/renewals/ask":                "Asks for the data of a later release",
	"/projects/{project}/renewals/decide":             "Lets a project have the data of the release that it asked for, or not",
	"/projects/{project}/extend":                      "Asks for a later end of a project, and for nothing else",
	"/outputs/{output}/decide":                        "Lets an output leave, or keeps it in",
	"/hosts/{host}/derogate":                          "Grants a derogation for a host that foreign law reaches",
	"/emergencies/{emergency}/review":                 "Says whether an emergency was justified",
	"/ledger/{index}/countersign":                     "Agrees to a statement that waits for a second person, or refuses it",
}

// apiRoutes are those of the mux that are the API's.
func apiRoutes(p *Portal) (routes []string) {
	for _, pattern := range p.patterns {
		if strings.Contains(pattern, "/api/v1/") {
			routes = append(routes, pattern)
		}
	}
	slices.Sort(routes)
	return routes
}

// described writes the description of the API from its routes and its Go types.
func described(t *testing.T, p *Portal) string {
	t.Helper()
	r := &jsonschema.Reflector{Mapper: func(of reflect.Type) *jsonschema.Schema {
		switch of {
		case reflect.TypeFor[ledger.Digest]():
			return &jsonschema.Schema{Type: "string", Description: "SHA-256, in hexadecimal"}
		case reflect.TypeFor[ledger.URLBytes]():
			return &jsonschema.Schema{Type: "string", Pattern: "^[A-Za-z0-9_-]*$", Description: "bytes, in base64url without padding"}
		case reflect.TypeFor[json.RawMessage]():
			return &jsonschema.Schema{}
		case reflect.TypeFor[sentence]():
			return &jsonschema.Schema{Type: "string", Description: "a sentence in the language that Accept-Language asks for"}
		case reflect.TypeFor[linkage.Count]():
			return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "integer"}, {Const: "<11"}}, Description: "a count; 1 to 10 are not told"}
		case reflect.TypeFor[time.Time]():
			return &jsonschema.Schema{Type: "string", Format: "date-time"}
		}
		return nil
	}}
	r.CommentMap = map[string]string{}
	for dir, path := range map[string]string{".": "rempart.eu/rempart/portal", "../people": "rempart.eu/rempart/people", "../ledger": "rempart.eu/rempart/ledger"} {
		comments(t, dir, path, r.CommentMap)
	}
	schemas := map[string]any{}
	schemaOf := func(v any) any {
		reflected, err := json.Marshal(r.Reflect(v))
		if err != nil {
			t.Fatal(err)
		}
		var one map[string]any
		if err := json.Unmarshal([]byte(strings.ReplaceAll(string(reflected), "#/$defs/", "#/components/schemas/")), &one); err != nil {
			t.Fatal(err)
		}
		for name, schema := range asMap(one["$defs"]) {
			schemas[name] = tolerant(schema)
		}
		delete(one, "$defs")
		delete(one, "$schema")
		delete(one, "$id")
		return tolerant(one)
	}
	paths := map[string]map[string]any{}
	for _, pattern := range apiRoutes(p) {
		method, path, _ := strings.Cut(pattern, " ")
		o, known := operationOf(pattern)
		if !known {
			t.Errorf("no operation describes %s", pattern)
			continue
		}
		if paths[path] == nil {
			paths[path] = map[string]any{}
		}
		paths[path][strings.ToLower(method)] = o.described(pattern, schemaOf)
	}
	schemaOf(people.Problem{})
	doc := map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{
			"title": "Rempart", "version": "1", "license": map[string]any{"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
			"description": "What people see and decide in the portal of a warehouse, for programs. Decisions are taken in two steps: a POST that says what is decided is answered with the statement to sign, and nothing is recorded; the statement, signed by its actor's key file or passkey, is handed in at /api/v1/statements as a DSSE envelope. docs/portal.md tells more.",
		},
		"servers": []any{map[string]any{"url": "/"}},
		"paths":   paths,
		"components": map[string]any{
			"schemas": schemas,
			"securitySchemes": map[string]any{"token": map[string]any{
				"type": "http", "scheme": "bearer", "description": "An API token: rempart token issue. Its scopes: read, what its owner sees; decide, decisions that its owner has signed; request, requests for projects that its owner has signed.",
			}},
			"responses": map[string]any{"problem": map[string]any{
				"description": "Why not, and what can be done (RFC 9457)",
				"content":     map[string]any{"application/problem+json": map[string]any{"schema": map[string]any{"$ref": "#/components/schemas/Problem"}}},
			}},
		},
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

// comments reads what a package says of its types and their fields.
func comments(t *testing.T, dir, path string, into map[string]string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	said := func(groups ...*ast.CommentGroup) string {
		for _, g := range groups {
			if text := strings.Join(strings.Fields(g.Text()), " "); text != "" {
				return text
			}
		}
		return ""
	}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GenDecl:
				if len(n.Specs) == 1 && n.Tok == token.TYPE {
					if spec, ok := n.Specs[0].(*ast.TypeSpec); ok && spec.Doc == nil {
						spec.Doc = n.Doc
					}
				}
			case *ast.TypeSpec:
				into[path+"."+n.Name.Name] = said(n.Doc)
				if of, ok := n.Type.(*ast.StructType); ok {
					for _, f := range of.Fields.List {
						for _, name := range f.Names {
							into[path+"."+n.Name.Name+"."+name.Name] = said(f.Doc, f.Comment)
						}
					}
				}
			}
			return true
		})
	}
}

func asMap(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// tolerant lets lists and maps be null, which is how Go writes those that are nil, and
// rates, which are null where they would tell small counts.
func tolerant(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = tolerant(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = tolerant(v[name])
		}
		if _, fixed := v["properties"]; v["type"] == "array" || v["type"] == "number" || v["type"] == "object" && !fixed {
			v["type"] = []any{v["type"], "null"}
		}
	}
	return v
}

var placeOf = regexp.MustCompile(`\{([a-z]+)\}`)

func (o operation) described(pattern string, schemaOf func(any) any) map[string]any {
	method, path, _ := strings.Cut(pattern, " ")
	name := strings.NewReplacer("/api/v1/", "", "/", "-", "{", "", "}", "", ".", "-").Replace(path)
	d := map[string]any{"operationId": strings.ToLower(method) + "-" + name, "summary": o.summary}
	parameters := []any{}
	for _, m := range placeOf.FindAllStringSubmatch(path, -1) {
		parameters = append(parameters, map[string]any{"name": m[1], "in": "path", "required": true, "schema": map[string]any{"type": "string"}})
	}
	for _, name := range strings.Fields(o.query) {
		parameters = append(parameters, map[string]any{"name": name, "in": "query", "schema": map[string]any{"type": "string"}})
	}
	if len(parameters) > 0 {
		d["parameters"] = parameters
	}
	if o.scope != "" {
		d["security"] = []any{map[string]any{"token": []any{}}}
		d["description"] = fmt.Sprintf("The token needs the scope %s.", o.scope)
		if strings.HasSuffix(path, "/statements") {
			d["description"] = "The token needs the scope request for requests of projects, and decide for decisions."
		}
	}
	if o.in != nil {
		d["requestBody"] = map[string]any{"required": true, "content": map[string]any{"application/json": map[string]any{"schema": schemaOf(o.in)}}}
	}
	good := map[string]any{"description": "As asked"}
	if strings.HasSuffix(path, "/content") {
		good["content"] = map[string]any{"application/octet-stream": map[string]any{}}
	}
	if o.out != nil {
		good["content"] = map[string]any{"application/json": map[string]any{"schema": schemaOf(o.out)}}
	}
	answers := map[string]any{"200": good, "default": map[string]any{"$ref": "#/components/responses/problem"}}
	if strings.HasSuffix(path, "/statements") {
		answers["201"] = good
	}
	d["responses"] = answers
	return d
}

// TestTheAPIIsDescribed keeps openapi.json equal to the routes and types, has it
// validated, and holds what the API answers against it. UPDATE=1 writes it anew.
func TestTheAPIIsDescribed(t *testing.T) {
	p := open(t)
	golden.Text(t, "openapi.json", described(t, p))
	text, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var routes []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			routes = append(routes, method+" "+path)
		}
	}
	slices.Sort(routes)
	if want := apiRoutes(p); !slices.Equal(routes, want) {
		t.Errorf("the description has %v, the mux %v", routes, want)
	}
	for _, page := range pages {
		path, query, _ := strings.Cut(page.path, "?")
		if path == "/" {
			path = "/waiting"
		}
		answer := get(t, p, page.who, "/api/v1"+path+"?"+query)
		conforms(t, doc, http.MethodGet, "/api/v1"+path, answer.Code, answer.Body.Bytes())
	}
}

// conforms holds an answer of the API against its description.
func conforms(t *testing.T, doc *openapi3.T, method, path string, status int, body []byte) {
	t.Helper()
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if method == http.MethodGet && path == "/api/v1/waiting" && asMap(value)["projects"] != nil {
		return // to who is not logged in, the register
	}
	for pattern, item := range doc.Paths.Map() {
		form := "^" + placeOf.ReplaceAllString(strings.ReplaceAll(pattern, ".", `\.`), `[^/]+`) + "$"
		if !regexp.MustCompile(form).MatchString(path) || item.GetOperation(method) == nil {
			continue
		}
		answers := item.GetOperation(method).Responses
		content := answers.Value("default").Value.Content.Get("application/problem+json")
		if status < http.StatusBadRequest {
			content = answers.Status(status).Value.Content.Get("application/json")
		}
		if err := content.Schema.Value.VisitJSON(value, openapi3.EnableJSONSchema2020(), openapi3.MultiErrors()); err != nil {
			t.Errorf("%s %s: %v", method, path, err)
		}
		return
	}
	t.Errorf("the description has no %s %s", method, path)
}
