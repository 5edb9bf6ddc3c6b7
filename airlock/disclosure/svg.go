package disclosure

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
)

// elements that draw, without scripts, links, embedded data or metadata.
var elements = set(`svg g defs path rect circle ellipse line polyline polygon text tspan title desc clipPath use
	linearGradient radialGradient stop style marker pattern symbol mask`)

// pointsPerMark allows for letters and curves, which are paths of many points.
const pointsPerMark = 20

var coordinate = regexp.MustCompile(`[0-9.]+`)

var marks = set("path rect circle ellipse line polyline polygon use")

// What Matplotlib writes into each drawing, whoever draws what; the rest is refused.
var (
	svgType     = regexp.MustCompile(`^DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1\.1//EN"\s+"http://www\.w3\.org/Graphics/SVG/1\.1/DTD/svg11\.dtd"$`)
	svgMetadata = regexp.MustCompile(`^<metadata>\s*<rdf:RDF xmlns:dc="http://purl\.org/dc/elements/1\.1/" xmlns:cc="http://creativecommons\.org/ns#" xmlns:rdf="http://www\.w3\.org/1999/02/22-rdf-syntax-ns#">\s*` +
		`<cc:Work>\s*<dc:type rdf:resource="http://purl\.org/dc/dcmitype/StillImage"/>\s*(<dc:date>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]{6})?(\+00:00)?</dc:date>\s*)?<dc:format>image/svg\+xml</dc:format>\s*` +
		`<dc:creator>\s*<cc:Agent>\s*<dc:title>Matplotlib v[0-9.]{3,9}, https://matplotlib\.org/</dc:title>\s*</cc:Agent>\s*</dc:creator>\s*</cc:Work>\s*</rdf:RDF>\s*</metadata>$`)
	svgText   = regexp.MustCompile(`<g id="text_[0-9]{1,4}">\s*$`) // before the comment that says a text whose letters are drawn as paths
	svgHidden = regexp.MustCompile(`display:none|visibility:(hidden|collapse)|(^|;)opacity:0*\.?0*(;|$)|font-size:0*(\.[0-9]*|[01](\.[0-9]*)?)(px|pt|;|$)`)
)

// checkSVG examines a drawing, element by element.
// Source: W3C, SVG 1.1 (Second Edition); SDAP handbook, graphs.
func (c *checker) checkSVG(text string) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.Entity = map[string]string{}
	drawn, points, root := 0, 0, false
	alike := map[string]int{} // marks of one form
	for {
		from := int(d.InputOffset())
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		line, _ := d.InputPos()
		at := place{line: line}
		if err != nil {
			c.refuse(at, "broken_xml")
			return
		}
		switch t := token.(type) {
		case xml.StartElement:
			root = true
			if t.Name.Local == "metadata" {
				if err := d.Skip(); err != nil {
					c.refuse(at, "broken_xml")
					return
				}
				if !svgMetadata.MatchString(text[from:int(d.InputOffset())]) {
					c.refuse(at, "metadata_element")
				}
				continue
			}
			if !elements[t.Name.Local] || t.Name.Space != "" && t.Name.Space != "http://www.w3.org/2000/svg" {
				c.refuse(at, "metadata_element")
			}
			n := c.checkAttributes(at, t.Attr)
			if points += n; n > c.rules.MaxRows {
				c.refuse(at, "rows_path", "n", c.rules.MaxRows)
			}
			if marks[t.Name.Local] {
				drawn++
				alike[form(t)]++
			}
		case xml.CharData:
			c.checkWords(at, strings.TrimSpace(string(t)))
			c.checkSentence(at, string(t))
			s := strings.ToLower(string(t))
			if strings.Contains(s, "@import") || strings.Contains(s, "url(") && !strings.Contains(s, "url(#") {
				c.refuse(at, "external_import")
			}
			if svgHidden.MatchString(strings.NewReplacer(" ", "", "\n", "", "{", ";", "}", ";").Replace(s)) {
				c.refuse(at, "invisible_drawing")
			}
		case xml.Comment:
			if !svgText.MatchString(text[:from]) {
				c.refuse(at, "metadata_drawing")
			}
			c.checkWords(at, string(t)) // it is what the letters say
			c.checkSentence(at, string(t))
		case xml.Directive:
			if !svgType.Match(t) {
				c.refuse(at, "metadata_drawing")
			}
		case xml.ProcInst:
			if t.Target != "xml" {
				c.refuse(at, "metadata_instruction")
			}
		}
	}
	most := 0
	for _, n := range alike {
		most = max(most, n)
	}
	switch {
	case !root:
		c.refuse(place{}, "broken_drawing")
	case drawn > c.rules.MaxRows || points > pointsPerMark*c.rules.MaxRows:
		c.refuse(place{}, "rows_marks", "n", c.rules.MaxRows, "points", pointsPerMark*c.rules.MaxRows)
	case most >= scattered:
		c.review(place{}, "scatter", "n", most, "minimum", c.rules.MinimumCell)
	}
	c.review(place{}, "look_drawing")
}

// scattered is from how many marks of one form on they are shown as what may be one a person.
const scattered = 50

// form is what a mark looks like, wherever it stands.
func form(t xml.StartElement) string {
	var b strings.Builder
	b.WriteString(t.Name.Local)
	for _, a := range t.Attr {
		switch a.Name.Local {
		case "d":
			b.WriteString(coordinate.ReplaceAllString(strings.NewReplacer("-", "", " ", "", ",", "").Replace(a.Value), ""))
		case "href", "r", "style", "class", "fill":
			b.WriteString(" " + a.Value)
		}
	}
	return b.String()
}

// checkAttributes refuses what runs, loads or hides, and examines the rest as text. It counts the
// points of what is drawn.
func (c *checker) checkAttributes(at place, all []xml.Attr) (points int) {
	for _, a := range all {
		value := strings.ToLower(strings.TrimSpace(a.Value))
		plain := strings.ReplaceAll(value, " ", "")
		switch name := strings.ToLower(a.Name.Local); {
		case strings.HasPrefix(name, "on"):
			c.refuse(at, "script_drawing")
		case name == "href" && !strings.HasPrefix(value, "#"),
			strings.Contains(value, "data:"), strings.Contains(value, "javascript:"), strings.Contains(value, "@import"),
			strings.Contains(value, "url(") && !strings.Contains(value, "url(#"):
			c.refuse(at, "external_link")
		case strings.HasPrefix(name, "data-"):
			c.refuse(at, "metadata_data")
		case name == "style" && svgHidden.MatchString(plain), svgHidden.MatchString(name + ":" + plain):
			c.refuse(at, "invisible_drawing")
		case name == "id" || name == "class" || name == "label":
			c.checkWords(at, a.Value)
		case name == "d" || name == "points":
			points += len(coordinate.FindAllStringIndex(a.Value, -1)) / 2
		}
	}
	return points
}

// stripSVG is the same drawing without what is not drawn: metadata, scripts, comments, document types,
// instructions to programs, and attributes that run or carry data.
func stripSVG(text string) (clean string, changes []Change, err error) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.Entity = map[string]string{}
	var out strings.Builder
	kept := 0 // of the text
	drop := func(from, to, line int, part, with string) {
		out.WriteString(text[kept:from] + with)
		kept = to
		ch := changed("stripped", "part", part)
		ch.Line = line
		changes = append(changes, ch)
	}
	for {
		from := int(d.InputOffset())
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			out.WriteString(text[kept:])
			return out.String(), changes, nil
		}
		if err != nil {
			return "", nil, ErrNoTable
		}
		line, _ := d.InputPos()
		to := int(d.InputOffset())
		switch t := token.(type) {
		case xml.Comment:
			drop(from, to, line, "comment", "")
		case xml.Directive:
			drop(from, to, line, "DOCTYPE", "")
		case xml.ProcInst:
			if t.Target != "xml" {
				drop(from, to, line, "instruction", "")
			}
		case xml.StartElement:
			if name := t.Name.Local; name == "metadata" || name == "script" {
				if err := d.Skip(); err != nil {
					return "", nil, ErrNoTable
				}
				to = int(d.InputOffset())
				drop(from, to, line, name, "")
				continue
			}
			if tag := text[from:to]; carrying.MatchString(tag) {
				drop(from, to, line, "data", carrying.ReplaceAllString(tag, ""))
			}
		}
	}
}

// carrying matches an attribute that runs a script or carries data, within a tag.
var carrying = regexp.MustCompile(`(?i)\s(?:on[a-z]+|data-[a-z0-9_.-]+)\s*=\s*(?:"[^"]*"|'[^']*')`)
