package linkage

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"rempart.eu/rempart/pseudonym"
)

// AddStays takes in the stays of one deposit, as [SendStays] wrote them, from a
// provider on a side. Deposits of a provider come in the order in which they were
// made: what a later one says of a stay counts.
func (l *Linker) AddStays(ctx context.Context, deposit, provider string, side Side, stays io.Reader) error {
	number := l.sideOf(provider, side)
	l.care = l.care || side == Care
	r, w := io.Pipe()
	go func() { w.CloseWithError(l.secondOfStays(ctx, stays, w)) }()
	err := l.db.FromCSV(ctx, stayColumns(), r, func(rows string) error {
		return l.db.Exec(ctx, "INSERT INTO stay_told SELECT ?, ?, ?, * FROM "+rows, provider, number, deposit)
	})
	r.CloseWithError(io.ErrClosedPipe) // ends the pass where the engine has stopped
	if err != nil {
		return fmt.Errorf("read the stays of deposit %s: %w", deposit, err)
	}
	return nil
}

// lines are some lines of a file on their way through the pass.
type lines struct {
	first int // line of the file
	text  []byte
	out   []byte
}

const linesSize = 1 << 18

// secondOfStays is the authority's pass over a file: 64 bits of each second token are
// enough to compare, as no two of some millions meet.
func (l *Linker) secondOfStays(ctx context.Context, in io.Reader, to io.Writer) error {
	reader := bufio.NewReaderSize(in, 1<<16)
	header, err := reader.ReadString('\n')
	if err != nil {
		return fmt.Errorf("line 1: %w", io.ErrUnexpectedEOF)
	}
	places, width, err := l.stayPlaces(strings.TrimSuffix(header, "\n"))
	if err != nil {
		return fmt.Errorf("line 1: %w", err)
	}
	names := "person,stay,year"
	for i := range places {
		names += ",t" + strconv.Itoa(i)
	}
	if _, err := io.WriteString(to, names+"\n"); err != nil {
		return err
	}
	return inOrder(ctx, func(_ context.Context, send func(*lines) error) error {
		return cutLines(reader, send)
	}, func(_ context.Context, b *lines) error {
		return l.secondOfLines(b, places, width)
	}, func(b *lines) error {
		_, err := to.Write(b.out)
		return err
	})
}

// stayPlaces finds the columns of the keys in a header.
func (l *Linker) stayPlaces(header string) (places []int, width int, err error) {
	names := strings.Split(header, ",")
	if len(names) < 3 || !slices.Equal(names[:3], []string{"person", "stay", "year"}) {
		return nil, 0, errors.New("no stays: want the columns person, stay, year and those of keys")
	}
	for _, k := range pseudonym.StayKeys {
		i := slices.Index(names, stayColumn(l.mode, k))
		if i < 0 {
			return nil, 0, fmt.Errorf("no column %s: the deposit has no tokens of the mode %q for its stays", stayColumn(l.mode, k), l.mode)
		}
		places = append(places, i)
	}
	return places, len(names), nil
}

// cutLines hands on blocks of whole lines.
func cutLines(r *bufio.Reader, send func(*lines) error) error {
	line := 2
	var rest []byte
	for {
		text := make([]byte, linesSize)
		n := copy(text, rest)
		read, err := io.ReadFull(r, text[n:])
		text = text[:n+read]
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			return err
		}
		end := bytes.LastIndexByte(text, '\n') + 1
		if ended && end != len(text) {
			return fmt.Errorf("line %d: it breaks off", line+bytes.Count(text, []byte("\n")))
		}
		if end == 0 && !ended {
			return fmt.Errorf("line %d: it is too long", line)
		}
		if end > 0 {
			if err := send(&lines{first: line, text: text[:end]}); err != nil {
				return err
			}
		}
		line += bytes.Count(text[:end], []byte("\n"))
		if ended {
			return nil
		}
		rest = text[end:]
	}
}

// secondOfLines makes the second tokens of some lines.
func (l *Linker) secondOfLines(b *lines, places []int, width int) error {
	b.out = make([]byte, 0, len(b.text)*2/3)
	fields := make([][]byte, 0, width)
	line := b.first
	for text := range bytes.Lines(b.text) {
		fields = fields[:0]
		for field := range bytes.SplitSeq(text[:len(text)-1], []byte(",")) {
			fields = append(fields, field)
		}
		if len(fields) != width {
			return fmt.Errorf("line %d: %d fields, not %d", line, len(fields), width)
		}
		for _, f := range fields[:3] {
			if bytes.ContainsFunc(f, func(r rune) bool { return (r < '0' || r > '9') && r != '-' }) {
				return fmt.Errorf("line %d: no number", line)
			}
			b.out = append(append(b.out, f...), ',')
		}
		for i, at := range places {
			if i > 0 {
				b.out = append(b.out, ',')
			}
			f := fields[at]
			if len(f) == 0 {
				continue
			}
			var token pseudonym.ProviderToken
			if len(f) != hex.EncodedLen(len(token)) {
				return fmt.Errorf("line %d: no token: want 32 hexadecimal digits", line)
			}
			if _, err := hex.Decode(token[:], f); err != nil || token.Missing() {
				return fmt.Errorf("line %d: no token: want 32 hexadecimal digits", line)
			}
			second := l.key.Second(token, pseudonym.ByStay)
			b.out = strconv.AppendUint(b.out, binary.BigEndian.Uint64(second[:8]), 10)
		}
		b.out = append(b.out, '\n')
		line++
	}
	return nil
}
