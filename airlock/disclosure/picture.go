package disclosure

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"hash/crc32"
	"image/png"
	"io"
	"regexp"
	"strings"
)

// chunks that a PNG needs to be drawn; every other can carry text or data.
var chunks = set("IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB pHYs sBIT bKGD")

// maxPixels bounds the memory that a picture takes once unpacked.
const maxPixels = 40_000_000

// checkPNG examines the structure of a PNG and unpacks it, so that nothing but
// the picture is in the file. What the picture shows is for a person to see.
// Source: W3C, Portable Network Graphics (Third Edition), section 5.
func (c *checker) checkPNG(data []byte) {
	rest := data[len(pngMagic):]
	for ended := false; len(rest) > 0; {
		if ended {
			c.refuse(place{}, "trailing-data_picture")
			return
		}
		if len(rest) < 12 || uint64(binary.BigEndian.Uint32(rest))+12 > uint64(len(rest)) {
			c.refuse(place{}, "broken_cut")
			return
		}
		n := int(binary.BigEndian.Uint32(rest))
		kind := string(rest[4:8])
		if crc32.ChecksumIEEE(rest[4:8+n]) != binary.BigEndian.Uint32(rest[8+n:]) {
			c.refuse(place{}, "broken_checksum")
			return
		}
		if !chunks[kind] {
			c.refuse(place{}, "metadata_picture")
		}
		ended = kind == "IEND"
		rest = rest[12+n:]
	}
	config, err := png.DecodeConfig(bytes.NewReader(data))
	if err == nil && config.Width*config.Height > maxPixels {
		c.refuse(place{}, "size_pixels", "n", maxPixels)
		return
	}
	if err == nil {
		_, err = png.Decode(bytes.NewReader(data))
	}
	if err != nil {
		c.refuse(place{}, "broken_picture")
		return
	}
	c.review(place{}, "look")
}

// elements that draw, without scripts, links, embedded data or metadata.
var elements = set(`svg g defs path rect circle ellipse line polyline polygon text tspan title desc clipPath use
	linearGradient radialGradient stop style marker pattern symbol mask`)

// pointsPerMark allows for letters and curves, which are paths of many points.
const pointsPerMark = 20

var coordinate = regexp.MustCompile(`[0-9.]+`)

var marks = set("path rect circle ellipse line polyline polygon use")

// checkSVG examines a drawing, element by element.
func (c *checker) checkSVG(text string) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.Entity = map[string]string{}
	drawn, points, root := 0, 0, false
	for {
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
			if !elements[t.Name.Local] || t.Name.Space != "" && t.Name.Space != "http://www.w3.org/2000/svg" {
				c.refuse(at, "metadata_element")
			}
			if marks[t.Name.Local] {
				drawn++
			}
			for _, a := range t.Attr {
				c.checkAttribute(at, a)
				if a.Name.Local == "d" || a.Name.Local == "points" {
					points += len(coordinate.FindAllStringIndex(a.Value, -1)) / 2
				}
			}
		case xml.CharData:
			c.checkWords(at, strings.TrimSpace(string(t)))
			c.checkSentence(at, string(t))
			if s := strings.ToLower(string(t)); strings.Contains(s, "@import") || strings.Contains(s, "url(") && !strings.Contains(s, "url(#") {
				c.refuse(at, "external_import")
			}
		case xml.Comment, xml.Directive:
			c.refuse(at, "metadata_drawing")
		case xml.ProcInst:
			if t.Target != "xml" {
				c.refuse(at, "metadata_instruction")
			}
		}
	}
	switch {
	case !root:
		c.refuse(place{}, "broken_drawing")
	case drawn > c.rules.MaxRows || points > pointsPerMark*c.rules.MaxRows:
		c.refuse(place{}, "rows_marks", "n", c.rules.MaxRows, "points", pointsPerMark*c.rules.MaxRows)
	}
	c.review(place{}, "look_drawing")
}

// checkAttribute refuses what runs or loads, and examines the rest as text.
func (c *checker) checkAttribute(at place, a xml.Attr) {
	value := strings.ToLower(strings.TrimSpace(a.Value))
	switch name := strings.ToLower(a.Name.Local); {
	case strings.HasPrefix(name, "on"):
		c.refuse(at, "script_drawing")
	case name == "href" && !strings.HasPrefix(value, "#"),
		strings.Contains(value, "data:"), strings.Contains(value, "javascript:"), strings.Contains(value, "@import"),
		strings.Contains(value, "url(") && !strings.Contains(value, "url(#"):
		c.refuse(at, "external_link")
	case strings.HasPrefix(name, "data-"):
		c.refuse(at, "metadata_data")
	case name == "id" || name == "class" || name == "label":
		c.checkWords(at, a.Value)
	}
}
