package portal

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"html/template"
	"image/png"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/internal/words"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/project"
)

// A checker opens an output by a statement: that it was looked at is in the ledger
// before anything is shown. The statement opens it to its actor for some minutes. What is
// shown is text, cells, or a picture that was decoded and drawn anew; nothing of the file
// reaches the browser as HTML or as a script.

// opens is how long a statement opens an output.
const opens = 10 * time.Minute

// checks says whether the person checks outputs, and has no part in the project of this one.
func (q *request) checks(p *governance.Project, o *governance.Output) bool {
	return q.party.Role == governance.OutputChecker && !isOf(p, q.party.Name) && o.Run.Actor != q.party.Name
}

// mayLook says whether a checker may open an output: nobody opens one of one's own project.
func (q *request) mayLook(o *governance.Output) bool {
	p, ok := q.state.Projects.Get(o.Run.Project)
	return ok && q.checks(p, o) && q.seesOutput(o) && o.Decision == nil
}

// view prepares the statement that opens an output.
func (q *request) view() (ledger.Body, error) {
	o, err := q.toLookAt()
	if err != nil {
		return nil, err
	}
	b := &ledger.OutputViewed{Output: o.Output.Output}
	return b, q.may(b)
}

// toLookAt is the output of the path, if the person may open it.
func (q *request) toLookAt() (*governance.Output, error) {
	o, err := q.outputAsked()
	if err != nil {
		return nil, err
	}
	if !q.mayLook(o) {
		return nil, errNotFound
	}
	return o, nil
}

// opened is the output of the path, if the statement of ?statement= opens it to the person.
func (q *request) opened() (*governance.Output, uint64, error) {
	o, err := q.toLookAt()
	if err != nil {
		return nil, 0, err
	}
	index, err := strconv.ParseUint(q.URL.Query().Get("statement"), 10, 64)
	if err != nil || index >= q.told.Len() {
		return nil, 0, errNotFound
	}
	e, err := q.read(index)
	if err != nil {
		return nil, 0, err
	}
	body, err := e.Statement.Decode()
	if err != nil {
		return nil, 0, err
	}
	if b, ok := body.(*ledger.OutputViewed); !ok || b.Output != o.Output.Output || e.Statement.Actor != q.party.Name {
		return nil, 0, errNotFound
	}
	if q.now.Sub(e.Statement.Time) >= opens {
		return nil, 0, &governance.Refusal{Reason: q.lang.Text("content.over"), Remedy: q.lang.Text("content.again")}
	}
	open := *o
	return &open, index, nil
}

// contentData is what a checker sees of an output.
type contentData struct {
	outputLine
	Statement uint64
	Kind      string // table, picture, text, none
	Header    []string
	Rows      [][]string
	Text      string
	Picture   template.URL // of data that we have written ourselves
	Width     int
	Height    int
	Cut       bool // there is more of it
	MayDecide bool
}

// content shows an output to a checker, or hands its bytes to the checker's program.
func (p *Portal) content(program bool) func(http.ResponseWriter, *http.Request) {
	write := writePage
	if program {
		write = writeJSON
	}
	return func(w http.ResponseWriter, r *http.Request) {
		var (
			output *governance.Output
			index  uint64
		)
		status, body := p.ask(r, reading, func(q *request) (a *answer, err error) {
			output, index, err = q.opened()
			return &answer{}, err
		}, onlyFaults(write))
		var data []byte
		if status == http.StatusOK {
			// Not while the state stands still: this reads from the host.
			var err error
			data, err = project.Output(r.Context(), p.w, output)
			if err != nil || !program {
				status, body = p.ask(r, reading, func(q *request) (*answer, error) {
					if err != nil {
						return nil, err
					}
					shown := shownOf(output.Name, data)
					shown.outputLine, shown.Statement, shown.MayDecide = q.outputLine(output.Output.Output, output), index, q.mayCheck(output)
					return &answer{"content", output.Name, shown}, nil
				}, write)
			}
		}
		switch {
		case program && status == http.StatusOK:
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(output.Name)}))
			send(w, status, bytes.NewBuffer(data))
		case program:
			p.sendJSON(w, status, reading, &body)
		default:
			// Pictures are in the page itself: there is no address that serves them.
			w.Header().Set("Content-Security-Policy", strings.Replace(w.Header().Get("Content-Security-Policy"), "img-src 'self'", "img-src 'self' data:", 1))
			p.sendPage(w, r, status, &body)
		}
	}
}

// onlyFaults writes nothing where all is well.
func onlyFaults(write func(*bytes.Buffer, *request, *answer) error) func(*bytes.Buffer, *request, *answer) error {
	return func(b *bytes.Buffer, q *request, a *answer) error {
		if a.template == "" {
			return nil
		}
		return write(b, q, a)
	}
}

// What is shown of an output at most.
const (
	shownRows    = 300
	shownColumns = 40
	shownCell    = 200     // characters
	shownText    = 1 << 16 // bytes
	shownPixels  = 1 << 24
)

// shownOf is what can be shown of an output's bytes.
func shownOf(name string, data []byte) (c contentData) {
	kind := strings.ToLower(path.Ext(name))
	switch {
	case kind == ".png":
		if c.draw(data) == nil {
			return c
		}
		return contentData{Kind: "none"}
	case !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0:
		return contentData{Kind: "none"}
	case kind == ".csv" || kind == ".tsv":
		if c.tabulate(kind, data) == nil {
			return c
		}
	}
	c = contentData{Kind: "text", Text: string(data)}
	if len(data) > shownText {
		c.Text, c.Cut = strings.ToValidUTF8(string(data[:shownText]), ""), true
	}
	lines := strings.Split(strings.ReplaceAll(c.Text, "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = words.Plain(strings.ReplaceAll(line, "\t", "    "))
	}
	c.Text = strings.Join(lines, "\n")
	return c
}

// draw decodes a picture and draws it anew: nothing but pixels is left of the file.
func (c *contentData) draw(data []byte) error {
	size, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if size.Width <= 0 || size.Height <= 0 || size.Width > shownPixels/size.Height {
		return errors.New("the picture is too large")
	}
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return err
	}
	var again bytes.Buffer
	if err := png.Encode(&again, picture); err != nil {
		return err
	}
	c.Kind, c.Width, c.Height = "picture", size.Width, size.Height
	c.Picture = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(again.Bytes())) //nolint:gosec // of our own encoder
	return nil
}

// tabulate reads a table: its first rows and columns.
func (c *contentData) tabulate(kind string, data []byte) error {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	first, _, _ := strings.Cut(string(data[:min(len(data), shownText)]), "\n")
	switch {
	case kind == ".tsv":
		r.Comma = '\t'
	case strings.Contains(first, ";") && !strings.Contains(first, ","):
		r.Comma = ';'
	}
	c.Kind = "table"
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a table: %w", err)
		}
		if len(c.Rows) == shownRows {
			c.Cut = true
			return nil
		}
		c.Cut = c.Cut || len(record) > shownColumns
		row := make([]string, min(len(record), shownColumns))
		for i := range row {
			cell := []rune(record[i])
			if len(cell) > shownCell {
				cell, c.Cut = append(cell[:shownCell:shownCell], '…'), true
			}
			row[i] = words.Plain(string(cell))
		}
		if c.Header == nil {
			c.Header = row
		} else {
			c.Rows = append(c.Rows, row)
		}
	}
}
