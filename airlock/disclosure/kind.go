package disclosure

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind is what a file was recognised as.
type Kind string

// The kinds of files that are told apart.
const (
	CSV         Kind = "CSV"
	TSV         Kind = "TSV"
	JSON        Kind = "JSON" // NDJSON, too
	HTML        Kind = "HTML"
	Parquet     Kind = "Parquet"
	Text        Kind = "text" // Markdown and logs, too
	PNG         Kind = "PNG"
	SVG         Kind = "SVG"
	Safetensors Kind = "safetensors"
	ONNX        Kind = "ONNX"
	Other       Kind = "other" // refused
)

// kinds of the names that may leave.
var kinds = map[string]Kind{
	".csv": CSV, ".tsv": TSV, ".tab": TSV,
	".json": JSON, ".ndjson": JSON, ".jsonl": JSON,
	".txt": Text, ".md": Text, ".log": Text,
	".html": HTML, ".htm": HTML, ".parquet": Parquet,
	".png": PNG, ".svg": SVG, ".safetensors": Safetensors, ".onnx": ONNX,
}

// refusals are the names that may not, with the code of what to do instead.
var refusals = []struct {
	extensions []string
	code       string
}{
	{[]string{".feather", ".arrow", ".orc", ".avro", ".duckdb", ".db", ".sqlite", ".sas7bdat", ".dta", ".sav"}, "kind_rows"},
	{[]string{".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".bin", ".rds", ".rda", ".rdata", ".npy", ".npz", ".h5", ".hdf5", ".keras"}, "kind_pickle"},
	{[]string{".pb", ".tflite", ".gguf", ".pmml"}, "kind_opaque"},
	{[]string{".zip", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".tar", ".rar"}, "kind_archive"},
	{[]string{".xlsx", ".xls", ".ods", ".docx", ".doc", ".odt", ".pptx"}, "kind_office"},
	{[]string{".xhtml", ".ipynb", ".pdf", ".rmd", ".qmd"}, "kind_report"},
	{[]string{".jpg", ".jpeg", ".gif", ".tif", ".tiff", ".webp", ".bmp"}, "kind_picture"},
}

// magic numbers of files that are refused under any name, with the extension
// whose refusal fits.
var magic = []struct {
	offset    int
	bytes     string
	extension string
}{
	{0, "ARROW1", ".arrow"}, {0, "ORC", ".orc"}, {0, "Obj\x01", ".avro"},
	{0, "SQLite format 3", ".sqlite"}, {8, "DUCK", ".duckdb"},
	{0, "PK\x03\x04", ".zip"}, {0, "PK\x05\x06", ".zip"}, {0, "\x1f\x8b", ".gz"}, {0, "BZh", ".bz2"}, {0, "\xfd7zXZ", ".xz"},
	{0, "\x28\xb5\x2f\xfd", ".zst"}, {0, "7z\xbc\xaf", ".7z"}, {257, "ustar", ".tar"}, {0, "Rar!", ".rar"},
	{0, "\x80\x02", ".pkl"}, {0, "\x80\x03", ".pkl"}, {0, "\x80\x04", ".pkl"}, {0, "\x80\x05", ".pkl"},
	{0, "\x93NUMPY", ".npy"}, {0, "\x89HDF", ".h5"}, {0, "RDX", ".rds"}, {0, "GGUF", ".gguf"},
	{0, "%PDF", ".pdf"}, {0, "\xff\xd8\xff", ".jpg"}, {0, "GIF8", ".gif"}, {0, "\xd0\xcf\x11\xe0", ".xls"},
}

const pngMagic = "\x89PNG\r\n\x1a\n"

// checkContent sends the file to the checks of its kind.
func (c *checker) checkContent(name string, data []byte) {
	extension := strings.ToLower(path.Ext(name))
	c.report.Kind = kindOf(extension)
	for _, m := range magic {
		if len(data) >= m.offset+len(m.bytes) && string(data[m.offset:m.offset+len(m.bytes)]) == m.bytes {
			c.report.Kind = Other
			c.refuse(place{}, refusal(m.extension))
			return
		}
	}
	isParquet := bytes.HasPrefix(data, []byte("PAR1"))
	isPNG := bytes.HasPrefix(data, []byte(pngMagic))
	switch {
	case c.report.Kind == Other:
		c.refuse(place{}, refusal(extension))
	case isPNG != (c.report.Kind == PNG), isParquet != (c.report.Kind == Parquet):
		c.refuse(place{}, "kind_content")
	case isPNG:
		c.checkPNG(data)
	case isParquet:
		c.checkParquet(data)
	case c.report.Kind == Safetensors:
		c.checkSafetensors(data)
	case c.report.Kind == ONNX:
		c.checkONNX(data)
	default:
		c.checkTextual(data)
	}
}

// IsTable says whether a file's name is that of a table, which can be compared with
// others.
func IsTable(name string) bool {
	switch kindOf(strings.ToLower(path.Ext(name))) {
	case CSV, TSV, JSON, HTML, Parquet:
		return true
	}
	return false
}

// IsModel says whether a file's name is that of a model.
func IsModel(name string) bool {
	switch kindOf(strings.ToLower(path.Ext(name))) {
	case Safetensors, ONNX:
		return true
	}
	return false
}

func kindOf(extension string) Kind {
	if k, ok := kinds[extension]; ok {
		return k
	}
	return Other
}

func refusal(extension string) (code string) {
	for _, r := range refusals {
		if slices.Contains(r.extensions, extension) {
			return r.code
		}
	}
	return "kind_other"
}

// checkTextual decodes a file of characters and sends it on.
func (c *checker) checkTextual(data []byte) {
	text, ok := decode(data)
	if !ok {
		c.refuse(place{}, "encoding")
		return
	}
	if strings.TrimSpace(text) == "" {
		c.review(place{}, "empty")
		return
	}
	head := strings.ToLower(strings.TrimSpace(text[:min(len(text), 500)]))
	isSVG := c.report.Kind == SVG
	switch {
	case c.report.Kind == HTML:
	case strings.HasPrefix(head, "<!doctype html"), strings.HasPrefix(head, "<html"), !isSVG && strings.Contains(head, "<script"):
		c.report.Kind = Other
		c.refuse(place{}, "kind_html")
		return
	case !isSVG && strings.Contains(head, "<svg"):
		c.refuse(place{}, "kind_content")
		return
	}
	c.checkCharacters(text)
	switch c.report.Kind {
	case CSV, TSV:
		c.checkCSV(text)
	case JSON:
		c.checkJSON(text)
	case SVG:
		c.checkSVG(text)
	case HTML:
		c.checkHTML(text)
	default:
		c.checkText(text)
	}
}

// decode returns the text of UTF-8, with or without a byte order mark. No other
// encoding is read: a file that is text in two encodings would be two files.
func decode(data []byte) (text string, ok bool) {
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	return string(data), utf8.Valid(data) && !bytes.Contains(data, []byte{0})
}
