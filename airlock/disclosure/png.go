package disclosure

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/png"
	"io"
	"regexp"
	"slices"
)

// maxPixels bounds the memory that a picture takes once unpacked.
const maxPixels = 40_000_000

// pngChunk is a part of a PNG.
type pngChunk struct {
	kind string
	body []byte
	raw  []byte // with its length and checksum
}

// chunks reads the parts of a PNG, and what stands behind its end. The error's text is the code of a finding.
func chunks(data []byte) (all []pngChunk, behind []byte, err error) {
	for rest := data[len(pngMagic):]; len(rest) > 0; {
		if len(rest) < 12 || uint64(binary.BigEndian.Uint32(rest))+12 > uint64(len(rest)) {
			return all, nil, errors.New("broken_cut")
		}
		n := int(binary.BigEndian.Uint32(rest))
		if crc32.ChecksumIEEE(rest[4:8+n]) != binary.BigEndian.Uint32(rest[8+n:]) {
			return all, nil, errors.New("broken_checksum")
		}
		all = append(all, pngChunk{string(rest[4:8]), rest[8 : 8+n], rest[:12+n]})
		rest = rest[12+n:]
		if all[len(all)-1].kind == "IEND" {
			return all, rest, nil
		}
	}
	return all, nil, nil
}

// drawnBy are texts that a tool writes into each picture, whoever draws what: keyword and text, whole.
var drawnBy = regexp.MustCompile(`^Software\x00(Matplotlib version ?[0-9]{1,2}\.[0-9]{1,3}(\.[0-9]{1,3})?, https://matplotlib\.org/|R Software)$`)

// sRGB are the chromaticities that every picture on a screen has.
const sRGB = "\x00\x00\x7a\x26\x00\x00\x80\x84\x00\x00\xfa\x00\x00\x00\x80\xe8\x00\x00\x75\x30\x00\x00\xea\x60\x00\x00\x3a\x98\x00\x00\x17\x70"

// draws says whether a part is needed to draw, or is one that a tool always writes. What has room for a message, such
// as a colour of the background, is held to the values that tools write.
func (p pngChunk) draws(coloured bool) bool {
	switch p.kind {
	case "IHDR":
		return len(p.body) == 13
	case "IDAT":
		return true
	case "IEND":
		return len(p.body) == 0
	case "PLTE":
		return coloured
	case "tRNS":
		return coloured || len(p.body) <= 6
	case "gAMA":
		return string(p.body) == "\x00\x00\xb1\x8f" || string(p.body) == "\x00\x00\xb1\x8e"
	case "cHRM":
		return string(p.body) == sRGB
	case "sRGB":
		return len(p.body) == 1 && p.body[0] < 4
	case "sBIT":
		return len(p.body) <= 4 && !bytes.ContainsFunc(p.body, func(bits rune) bool { return bits != 8 })
	case "bKGD":
		return len(p.body) <= 6 && !slices.ContainsFunc(p.body, func(b byte) bool { return b != 0 && b != 0xff })
	case "pHYs": // so many points a metre, the same each way
		return len(p.body) == 9 && p.body[8] < 2 && bytes.Equal(p.body[:4], p.body[4:8]) && p.body[0] == 0
	case "tEXt":
		return drawnBy.Match(p.body)
	}
	return false
}

// packed is the stream of a picture's points, and how much of it draws.
func packed(all []pngChunk) (stream []byte, used int) {
	for _, p := range all {
		if p.kind == "IDAT" {
			stream = append(stream, p.body...)
		}
	}
	r := bytes.NewReader(stream) // is read a byte at a time, no further than the points go
	z, err := zlib.NewReader(r)
	if err == nil {
		_, err = io.Copy(io.Discard, z)
	}
	if err != nil {
		return stream, 0
	}
	return stream, len(stream) - r.Len()
}

// checkPNG examines the structure of a PNG and unpacks it, so that nothing but
// the picture is in the file. What the picture shows is for a person to see.
// Source: W3C, Portable Network Graphics (Third Edition), sections 5 and 11.
func (c *checker) checkPNG(data []byte) {
	all, behind, err := chunks(data)
	if err != nil {
		c.refuse(place{}, err.Error())
		return
	}
	config, err := png.DecodeConfig(bytes.NewReader(data))
	if err == nil && config.Width*config.Height > maxPixels {
		c.refuse(place{}, "size_pixels", "n", maxPixels)
		return
	}
	var drawn image.Image
	if err == nil {
		drawn, err = png.Decode(bytes.NewReader(data))
	}
	if err != nil {
		c.refuse(place{}, "broken_picture")
		return
	}
	coloured, isColoured := drawn.(*image.Paletted)
	seen := map[string]bool{}
	for _, p := range all {
		if !p.draws(isColoured) || seen[p.kind] && p.kind != "IDAT" {
			c.refuse(place{}, "metadata_picture")
		}
		seen[p.kind] = true
	}
	if stream, used := packed(all); len(behind) > 0 || used != len(stream) {
		c.refuse(place{}, "trailing-data_picture")
	}
	if isColoured && len(unseen(all, coloured)) > 0 {
		c.refuse(place{}, "invisible_colours")
	}
	if clear, ok := drawn.(*image.NRGBA); ok && hides(clear) {
		c.refuse(place{}, "invisible_points")
	}
	c.review(place{}, "look")
}

// unseen are the colours of a palette that no point has, and that are not black.
func unseen(all []pngChunk, drawn *image.Paletted) (colours []int) {
	var used [256]bool
	for _, at := range drawn.Pix {
		used[at] = true
	}
	for _, p := range all {
		for i := 0; p.kind == "PLTE" && i+3 <= len(p.body); i += 3 {
			if !used[i/3] && string(p.body[i:i+3]) != "\x00\x00\x00" {
				colours = append(colours, i/3)
			}
		}
		for i := 0; p.kind == "tRNS" && i < len(p.body); i++ {
			if !used[i] && p.body[i] != 0xff {
				colours = append(colours, i)
			}
		}
	}
	return colours
}

// hides says whether points that nobody sees have more than one colour.
func hides(drawn *image.NRGBA) bool {
	var first []byte
	for i := 0; i+4 <= len(drawn.Pix); i += 4 {
		if drawn.Pix[i+3] != 0 {
			continue
		}
		if colour := drawn.Pix[i : i+3]; first == nil {
			first = colour
		} else if !bytes.Equal(first, colour) {
			return true
		}
	}
	return false
}

// stripPNG is the same picture, and nothing beside: each point is as it was.
func stripPNG(data []byte) (clean []byte, changes []Change, err error) {
	all, behind, err := chunks(data)
	if err != nil {
		return nil, nil, ErrNoTable
	}
	drawn, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, nil, ErrNoTable
	}
	coloured, isColoured := drawn.(*image.Paletted)
	var dead []int
	if isColoured {
		dead = unseen(all, coloured)
	}
	stream, used := packed(all)
	clean = []byte(pngMagic)
	wrote := map[string]bool{}
	for _, p := range all {
		switch {
		case p.kind == "IDAT" && used == len(stream):
			clean = append(clean, p.raw...)
		case p.kind == "IDAT" && !wrote["IDAT"]:
			clean = appendChunk(clean, "IDAT", stream[:used])
			changes = append(changes, changed("stripped_behind"))
		case p.kind == "IDAT":
		case p.kind == "IEND":
			clean = appendChunk(clean, "IEND", nil)
		case !p.draws(isColoured) || wrote[p.kind]:
			changes = append(changes, changed("stripped", "part", showable(p.kind)))
			continue
		case (p.kind == "PLTE" || p.kind == "tRNS") && len(dead) > 0:
			clean = appendChunk(clean, p.kind, p.without(dead))
		default:
			clean = append(clean, p.raw...)
		}
		wrote[p.kind] = true
	}
	if len(dead) > 0 {
		changes = append(changes, changed("stripped_colours", "n", len(dead)))
	}
	if len(behind) > 0 {
		changes = append(changes, changed("stripped_behind"))
	}
	return clean, changes, nil
}

// without is a palette, or how clear its colours are, without what no point has.
func (p pngChunk) without(dead []int) []byte {
	body := slices.Clone(p.body)
	for _, i := range dead {
		switch {
		case p.kind == "PLTE" && 3*i+3 <= len(body):
			copy(body[3*i:], "\x00\x00\x00")
		case p.kind == "tRNS" && i < len(body):
			body[i] = 0xff
		}
	}
	return body
}

func appendChunk(to []byte, kind string, body []byte) []byte {
	to = binary.BigEndian.AppendUint32(to, uint32(len(body))) //nolint:gosec // a part of a file that was bounded
	at := len(to)
	to = append(append(to, kind...), body...)
	return binary.BigEndian.AppendUint32(to, crc32.ChecksumIEEE(to[at:]))
}
