package disclosure

import (
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// Of HTML only tables and text leave: what a browser would show, and nothing that it would
// run, load, or hide. The file is parsed as browsers do (WHATWG HTML, section 13).

// elements of tables and text.
var htmlElements = set(`html head body title meta table caption colgroup col thead tbody tfoot tr th td
	p div span h1 h2 h3 h4 h5 h6 br hr ul ol li b i em strong sub sup small`)

// attributes that say how a table or a text stands.
var htmlAttributes = set("class style border colspan rowspan scope align valign lang charset halign")

// stated are the properties of a style that hide nothing.
var stated = regexp.MustCompile(`^(text-align|vertical-align|font-weight|font-style|width|min-width|border(-[a-z]+)*|padding(-[a-z]+)?|margin(-[a-z]+)?)$`)

// maxSpan bounds the cells of a table that one cell stands for.
const maxSpan = 100

// checkHTML examines the tables and the text of a page.
func (c *checker) checkHTML(text string) {
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		c.refuse(place{}, "broken_page")
		return
	}
	tables := 0
	var words []string
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		switch n.Type {
		case html.CommentNode:
			c.refuseComment()
		case html.TextNode:
			if s := strings.TrimSpace(n.Data); s != "" {
				words = append(words, strings.Join(strings.Fields(s), " "))
			}
		case html.ElementNode:
			if !c.mayStand(n) {
				return
			}
			if n.Data == "table" {
				tables++
				c.checkHTMLTable(n)
				return
			}
		}
		for child := n.FirstChild; child != nil; child = child.NextSibling {
			walk(child)
		}
	}
	walk(root)
	if len(words) > c.rules.MaxRows {
		c.refuse(place{}, "rows_words", "n", c.rules.MaxRows)
		words = words[:c.rules.MaxRows]
	}
	for _, s := range words {
		c.checkWords(place{}, s)
		c.checkSentence(place{}, s)
	}
	switch {
	case tables == 0:
		c.refuse(place{}, "kind_no-table")
	case len(words) > 0:
		c.review(place{}, "read_page")
	}
}

// mayStand refuses elements and attributes that do more than show text.
func (c *checker) mayStand(n *html.Node) bool {
	switch {
	case n.Data == "script":
		c.refuse(place{}, "script_page")
		return false
	case n.Namespace != "" || !htmlElements[n.Data]:
		c.refuse(place{}, "external_element", "element", showable(n.Data))
		return false
	}
	for _, a := range n.Attr {
		value := strings.ToLower(strings.TrimSpace(a.Val))
		switch {
		case strings.HasPrefix(a.Key, "on"):
			c.refuse(place{}, "script_attribute")
		case n.Data == "meta" && a.Key == "charset" && value != "utf-8":
			c.refuse(place{}, "encoding_page")
		case !htmlAttributes[a.Key] || a.Namespace != "":
			c.refuse(place{}, "metadata_attribute")
		case a.Key == "style":
			c.checkStyle(value)
		default:
			c.checkWords(place{}, a.Val)
		}
	}
	return true
}

func (c *checker) refuseComment() {
	c.refuse(place{}, "metadata_comment")
}

// checkStyle refuses what loads or hides.
func (c *checker) checkStyle(style string) {
	if strings.ContainsAny(style, `\(@/`) {
		c.refuse(place{}, "external_style")
		return
	}
	for one := range strings.SplitSeq(style, ";") {
		name, _, _ := strings.Cut(one, ":")
		if name = strings.TrimSpace(name); name != "" && !stated.MatchString(name) {
			c.refuse(place{}, "invisible_style")
			return
		}
	}
}

// checkHTMLTable examines one table.
func (c *checker) checkHTMLTable(n *html.Node) {
	if t := c.htmlTable(n); t != nil {
		c.checkTable(t)
	}
}

// htmlTable reads one table, its lines counted from its first row; nil where it is refused as none.
func (c *checker) htmlTable(n *html.Node) *table {
	var grid [][]string
	heads := 0
	down := map[[2]int]string{} // cells that reach into a later row
	var walk func(n *html.Node, head bool)
	walk = func(n *html.Node, head bool) {
		for child := n.FirstChild; child != nil; child = child.NextSibling {
			switch {
			case child.Type == html.CommentNode:
				c.refuseComment()
			case child.Type == html.TextNode && strings.TrimSpace(child.Data) != "":
				c.checkWords(place{}, child.Data)
				c.checkSentence(place{}, child.Data)
			case child.Type != html.ElementNode || !c.mayStand(child):
			case child.Data == "tr":
				row := c.htmlRow(child, len(grid), down)
				if (head || allHeaders(child)) && heads == len(grid) {
					heads++
				}
				grid = append(grid, row)
			case child.Data == "table":
				c.refuse(place{}, "broken_nested")
			default:
				walk(child, head || child.Data == "thead")
			}
		}
	}
	walk(n, false)
	if len(grid) == 0 {
		c.refuse(place{}, "empty_table")
		return nil
	}
	heads = max(heads, 1)
	t := &table{headerLine: heads}
	for _, row := range grid[:heads] { // pandas: the names of the index stand below those of the columns
		for i, cell := range row {
			if i >= len(t.header) {
				t.header = append(t.header, cell)
			} else if cell != "" && cell != t.header[i] {
				t.header[i] = strings.TrimSpace(t.header[i] + " " + cell)
			}
		}
	}
	for i, row := range grid[heads:] {
		if len(row) != len(t.header) {
			c.refuse(place{line: heads + i + 1}, "broken_row")
			return nil
		}
		t.rows, t.lines = append(t.rows, row), append(t.lines, heads+i+1)
	}
	return t
}

// htmlRow are the cells of a row, each as often as it spans columns.
func (c *checker) htmlRow(n *html.Node, at int, down map[[2]int]string) (row []string) {
	fill := func() {
		for text, ok := down[[2]int{at, len(row)}]; ok; text, ok = down[[2]int{at, len(row)}] {
			row = append(row, text)
		}
	}
	for cell := n.FirstChild; cell != nil; cell = cell.NextSibling {
		if cell.Type != html.ElementNode || cell.Data != "td" && cell.Data != "th" || !c.mayStand(cell) {
			continue
		}
		fill()
		text := c.htmlText(cell)
		wide, high := span(cell, "colspan"), span(cell, "rowspan")
		for range wide {
			for below := 1; below < high; below++ {
				down[[2]int{at + below, len(row)}] = text
			}
			row = append(row, text)
		}
	}
	fill()
	return row
}

// htmlText is what a cell shows.
func (c *checker) htmlText(n *html.Node) string {
	var b strings.Builder
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		for child := n.FirstChild; child != nil; child = child.NextSibling {
			switch {
			case child.Type == html.TextNode:
				b.WriteString(child.Data)
			case child.Type == html.CommentNode:
				c.refuseComment()
			case child.Type == html.ElementNode && child.Data == "table":
				c.refuse(place{}, "broken_nested")
			case child.Type == html.ElementNode && c.mayStand(child):
				if child.Data == "br" || child.Data == "p" || child.Data == "div" {
					b.WriteString(" ")
				}
				walk(child)
			}
		}
	}
	walk(n)
	return strings.Join(strings.Fields(b.String()), " ")
}

func span(n *html.Node, name string) int {
	for _, a := range n.Attr {
		if k, err := strconv.Atoi(a.Val); a.Key == name && err == nil && k > 1 {
			return min(k, maxSpan)
		}
	}
	return 1
}

func allHeaders(row *html.Node) bool {
	cells := 0
	for cell := row.FirstChild; cell != nil; cell = cell.NextSibling {
		if cell.Type == html.ElementNode {
			cells++
			if cell.Data != "th" {
				return false
			}
		}
	}
	return cells > 0
}
