package mapping

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// name is a word of the header's source that names a table.
var name = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// readHeader reads the comment before a file's SELECT.
func readHeader(file, text string) (h Header, err error) {
	want := strings.TrimSuffix(path.Base(file), ".sql")
	part := &h.Title
	for line := range strings.Lines(text) {
		comment, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "--")
		if !ok {
			break
		}
		comment = strings.TrimPrefix(comment, " ")
		for label, of := range map[string]*string{"Source:": &h.Source, "Rule:": &h.Rule, "Reference:": &h.Reference} {
			if rest, ok := strings.CutPrefix(comment, label); ok {
				part, comment = of, strings.TrimPrefix(rest, " ")
			}
		}
		if *part != "" {
			*part += "\n"
		}
		*part += strings.TrimRight(comment, " ")
	}
	title, ok := strings.CutPrefix(h.Title, want+": ")
	if !ok {
		return h, fmt.Errorf("the first line must be a comment that says what the file makes: -- %s: …", want)
	}
	h.Title = title
	for label, of := range map[string]string{"Source": h.Source, "Rule": h.Rule, "Reference": h.Reference} {
		if of == "" {
			return h, fmt.Errorf("the header has no line -- %s: …", label)
		}
	}
	tables, _, _ := strings.Cut(strings.ReplaceAll(h.Source, "\n", " "), ". ")
	for word := range strings.SplitSeq(strings.TrimSuffix(tables, "."), ",") {
		if word = strings.TrimSpace(word); name.MatchString(word) {
			h.Reads = append(h.Reads, word)
		}
	}
	return h, nil
}

// notes are the comments behind a SELECT's columns, by column; none where several
// SELECTs give the columns.
func (q *query) notes() map[string]string {
	if q.node.text("type") != "SELECT_NODE" {
		return nil
	}
	notes := map[string]string{}
	at := 0
	for line := range strings.Lines(q.text) {
		start := at
		at += len(line)
		code, comment, ok := strings.Cut(strings.TrimRight(line, "\n"), " -- ")
		if !ok || strings.TrimSpace(code) == "" {
			continue
		}
		var behind string
		for _, item := range q.node.list("select_list") {
			if first := item.location(); first > 0 && first < start+len(code) {
				behind = item.alias()
			}
		}
		if behind != "" && start > q.node.firstLocation()-200 {
			if notes[behind] != "" {
				notes[behind] += "; "
			}
			notes[behind] += strings.TrimSpace(comment)
		}
	}
	return notes
}
