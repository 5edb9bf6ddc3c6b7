package disclosure_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"rempart.eu/rempart/airlock/disclosure"
)

// picture is a small PNG, as Go's library writes it: IHDR, IDAT, IEND.
func picture(t *testing.T) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 8, 8))
	img.Set(3, 3, color.White)
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// chunk is one PNG chunk with its right checksum.
func chunk(kind, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(append(b, kind...), body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE([]byte(kind+body)))
}

func TestPNGHoldsAPictureAndNothingElse(t *testing.T) {
	plain := picture(t)
	const afterHeader = 8 + 12 + 13 // signature, IHDR
	with := func(extra []byte) []byte { return slices.Insert(slices.Clone(plain), afterHeader, extra...) }
	flipped := slices.Clone(plain)
	flipped[afterHeader+10] ^= 1
	huge := []byte("\x89PNG\r\n\x1a\n")
	huge = append(huge, chunk("IHDR", "\x00\x00\xff\xff\x00\x00\xff\xff\x08\x00\x00\x00\x00")...)
	huge = append(huge, chunk("IEND", "")...)
	for name, c := range map[string]struct {
		data    []byte
		rule    string
		verdict disclosure.Verdict
	}{
		"plain":             {plain, "look", disclosure.NeedsReview},
		"resolution":        {with(chunk("pHYs", "\x00\x00\x0f\x61\x00\x00\x0f\x61\x01")), "look", disclosure.NeedsReview},
		"text":              {with(chunk("tEXt", "Comment\x00patient 4711")), "metadata", disclosure.Refused},
		"exif":              {with(chunk("eXIf", "MM\x00*")), "metadata", disclosure.Refused},
		"private":           {with(chunk("rOWs", "4711")), "metadata", disclosure.Refused},
		"behind":            {append(slices.Clone(plain), "PK\x03\x04rows"...), "trailing-data", disclosure.Refused},
		"in the end":        {append(slices.Clone(plain[:len(plain)-12]), chunk("IEND", "rows")...), "broken", disclosure.Refused},
		"cut":               {plain[:len(plain)-20], "broken", disclosure.Refused},
		"checksum":          {flipped, "broken", disclosure.Refused},
		"signature":         {plain[:8], "broken", disclosure.Refused},
		"decompressed bomb": {huge, "size", disclosure.Refused},
	} {
		report := check(t, "figure.png", c.data, disclosure.Standard(11))
		if report.Verdict != c.verdict || !hasRule(report, c.rule) {
			t.Errorf("%s: got %s", name, describe(report, false))
		}
	}
}

func hasRule(report disclosure.Report, rule string) bool {
	return slices.ContainsFunc(report.Findings, func(f disclosure.Finding) bool { return f.Rule == rule })
}

func TestSafetensorsHoldArraysAndNothingElse(t *testing.T) {
	weights := func(header string, body int) []byte {
		b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
		return append(append(b, header...), make([]byte, body)...)
	}
	const array = `{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`
	for name, c := range map[string]struct {
		data    []byte
		rule    string
		verdict disclosure.Verdict
	}{
		"plain":     {weights(array, 8), "model", disclosure.NeedsReview},
		"behind":    {weights(array, 9), "trailing-data", disclosure.Refused},
		"outside":   {weights(array, 7), "broken", disclosure.Refused},
		"metadata":  {weights(`{"__metadata__":{"note":"rows"},"w":{"data_offsets":[0,8]}}`, 8), "metadata", disclosure.Refused},
		"negative":  {weights(`{"w":{"data_offsets":[-8,0]}}`, 8), "broken", disclosure.Refused},
		"no header": {[]byte("\xff\xff\xff\xff\xff\xff\xff\xff"), "broken", disclosure.Refused},
		"short":     {[]byte("{}"), "broken", disclosure.Refused},
	} {
		report := check(t, "model.safetensors", c.data, disclosure.Standard(11))
		if report.Verdict != c.verdict || !hasRule(report, c.rule) {
			t.Errorf("%s: got %s", name, describe(report, false))
		}
	}
}

func TestTheRecordedSizeHolds(t *testing.T) {
	const table = "diagnosis,persons\nasthma,300\n"
	report, err := disclosure.Check("a.csv", strings.NewReader(table), int64(len(table))+1, disclosure.Standard(11))
	if err != nil || report.Verdict != disclosure.Refused || !hasRule(report, "size") {
		t.Errorf("got %v, %v", describe(report, false), err)
	}
}

func TestErrorsAreOfReadingOrOfTheRules(t *testing.T) {
	boom := errors.New("the disk failed")
	if _, err := disclosure.Check("a.csv", iotest.ErrReader(boom), 1, disclosure.Standard(11)); !errors.Is(err, boom) {
		t.Errorf("got %v, want %v", err, boom)
	}
	if _, err := disclosure.Check("a.csv", strings.NewReader(""), 0, disclosure.Rules{MinimumCell: 11}); err == nil {
		t.Error("took rules without limits")
	}
}

func TestManyFindingsAreCounted(t *testing.T) {
	table := "diagnosis,persons\n" + strings.Repeat("asthma,3\n", 500)
	report := check(t, "a.csv", []byte(table), disclosure.Standard(11))
	last := report.Findings[len(report.Findings)-1]
	if len(report.Findings) != 21 || last.Message != "480 more places like those listed" || last.Severity != disclosure.Refuse {
		t.Errorf("got %d findings, the last %+v", len(report.Findings), last)
	}
}

func TestAnOverlongTextIsRefused(t *testing.T) {
	digits := strings.Repeat("7", 5000)
	for name, data := range map[string]string{
		"a.txt":  digits,
		"a.json": `["` + digits + `"]`,
		"a.csv":  "diagnosis,persons\n" + digits + ",300\n",
	} {
		report := check(t, name, []byte(data), disclosure.Standard(11))
		if report.Verdict != disclosure.Refused || !hasRule(report, "long-text") {
			t.Errorf("%s: got %s", name, describe(report, true))
		}
	}
}
