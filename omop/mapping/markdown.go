package mapping

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed events.md
var events string

// Markdown is the document as text for people.
func (d *Document) Markdown() string {
	var b strings.Builder
	if d.Version != "" {
		fmt.Fprintf(&b, "# Mapping of %s\n\n%s, version %s of the feed.\n\n", d.Name, strings.TrimSuffix(d.Title, "."), d.Version)
	} else {
		fmt.Fprintf(&b, "# %s\n\n", strings.TrimSuffix(d.Title, "."))
	}
	b.WriteString("This page is made from `" + d.Folder + "/map`; a test keeps it true. Change the SQL, then run\n`UPDATE=1 go test ./omop/mapping`.\n\n")
	d.overview(&b)
	if slices.ContainsFunc(d.Files, func(f File) bool { return f.Target == "event" }) {
		b.WriteString("\n" + events)
	}
	for _, section := range []struct{ title, about string }{
		{"Tables", ""},
		{"Views", "Rules that several of the files above share, each written once."},
		{"Left out", "Rows that reach no table on purpose. The report of a release counts them under these reasons."},
	} {
		files := d.section(section.title)
		if len(files) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n", section.title)
		if section.about != "" {
			b.WriteString("\n" + section.about + "\n")
		}
		for i := range files {
			files[i].markdown(&b, d)
		}
	}
	if d.Version != "" {
		d.coverage(&b)
	}
	return b.String()
}

func (d *Document) section(title string) (files []File) {
	for i := range d.Files {
		if [...]string{"Tables", "Views", "Left out"}[rank(d.Files[i].Target)] == title {
			files = append(files, d.Files[i])
		}
	}
	return files
}

func (d *Document) overview(b *strings.Builder) {
	b.WriteString("| target | what | source |\n|---|---|---|\n")
	for _, f := range d.section("Tables") {
		fmt.Fprintf(b, "| [%s](#%s) | %s | %s |\n", f.name(), anchor(f.name()), cell(strings.TrimSuffix(f.Header.Title, ".")), codes(f.Header.Reads))
	}
}

func (f *File) name() string {
	switch {
	case f.Target == "view":
		return f.What
	case f.What == "":
		return f.Target
	}
	return f.Target + "." + f.What
}

// anchor is how a page names a heading.
func anchor(heading string) string { return strings.ReplaceAll(strings.ToLower(heading), ".", "") }

func (f *File) markdown(b *strings.Builder, d *Document) {
	fmt.Fprintf(b, "\n### %s\n\n%s ([%s](../../%s/%s))\n\n", f.name(), sentence(f.Header.Title), f.Path, d.Folder, f.Path)
	fmt.Fprintf(b, "- **Source:** %s\n", d.linked(f.Header))
	fmt.Fprintf(b, "- **Rule:** %s\n", flat(f.Header.Rule))
	if f.Rows != "" {
		fmt.Fprintf(b, "- **Rows:** those where %s\n", flat(f.Rows))
	}
	if f.Per != "" {
		fmt.Fprintf(b, "- **One row for each:** %s\n", flat(f.Per))
	}
	fmt.Fprintf(b, "- **Reference:** %s\n\n", flat(f.Header.Reference))
	b.WriteString("| column | from | rule |\n|---|---|---|\n")
	for _, c := range f.Columns {
		if c.Name == "source_lines" || c.Name == "source_line" || c.Name == "source_table" || c.Name == "line" || c.Name == "lines" {
			continue // every row says where it comes from
		}
		rule := c.Rule
		for note := range strings.SplitSeq(c.Note, "; ") {
			if note != "" && !strings.Contains(strings.ToLower(rule), strings.ToLower(note)) {
				rule += " – " + note
			}
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", code(c.Name), from(c.Fields), cell(rule))
	}
}

// linked is a header's source, its views linked to where they are told.
func (d *Document) linked(h Header) string {
	_, words, _ := strings.Cut(strings.ReplaceAll(h.Source, "\n", " "), ". ")
	var parts []string
	for _, name := range h.Reads {
		if slices.ContainsFunc(d.Files, func(f File) bool { return f.Target == "view" && f.What == name }) {
			parts = append(parts, fmt.Sprintf("[%s](#%s)", name, anchor(name)))
		} else {
			parts = append(parts, code(name))
		}
	}
	said := strings.Join(parts, ", ")
	if words = flat(words); words != "" {
		said += ". " + words
	}
	return said
}

// from lists fields, those of one file together, and files that have the same.
func from(fields []string) string {
	var files, lists []string
	of := map[string][]string{}
	for _, f := range fields {
		file, field, _ := strings.Cut(f, ".")
		if of[file] == nil {
			files = append(files, file)
		}
		of[file] = append(of[file], field)
	}
	with := map[string][]string{}
	for _, file := range files {
		slices.Sort(of[file])
		list := codes(of[file])
		if with[list] == nil {
			lists = append(lists, list)
		}
		with[list] = append(with[list], file)
	}
	for i, list := range lists {
		lists[i] = strings.Join(with[list], ", ") + ": " + list
	}
	return strings.Join(lists, "<br>")
}

func codes(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = code(n)
	}
	return strings.Join(quoted, ", ")
}

// coverage tells of each delivered file what becomes of it.
func (d *Document) coverage(b *strings.Builder) {
	b.WriteString("\n## What becomes of each file\n\nFields of health data that no rule reads stay in the deposit and reach no release.\n\n| file | becomes | fields that are read | fields that are not |\n|---|---|---|---|\n")
	for _, r := range d.Resources {
		becomes := codes(r.Tables)
		if becomes == "" {
			becomes = "nothing of its own"
		}
		if r.Reason != "" {
			becomes = "nothing: " + r.Reason
		}
		name := code(r.Name)
		if r.Title != "" {
			name += "<br>" + r.Title
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", cell(name), cell(becomes), codes(r.Used), codes(r.Unused))
	}
}

func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

func cell(text string) string { return strings.ReplaceAll(flat(text), "|", "\\|") }

// sentence writes a title with a capital.
func sentence(text string) string {
	text = flat(text)
	return strings.ToUpper(text[:1]) + text[1:]
}
