package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	maxLog    = 1 << 20 // bytes of a study's log that are kept
	maxTail   = 4 << 10 // bytes of its end that go into an error
	tailLines = 20
	maxReport = 1 << 20
)

// transcript keeps what the study prints: the beginning goes to the log, the end
// is remembered for an error.
type transcript struct {
	log  io.Writer
	left int
	tail []byte
}

func newTranscript(log io.Writer) *transcript { return &transcript{log: log, left: maxLog} }

// copy reads r to its end, whatever happens to the log: a study must not hang
// on its own words.
func (t *transcript) copy(r io.Reader) error {
	var failed error
	buffer := make([]byte, 32<<10)
	for {
		n, err := r.Read(buffer)
		if n > 0 {
			failed = errors.Join(failed, t.add(buffer[:n]))
		}
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return errors.Join(failed, err)
		}
		if failed != nil {
			return failed
		}
	}
}

func (t *transcript) add(p []byte) error {
	t.tail = append(t.tail, p...)
	if len(t.tail) > maxTail {
		t.tail = bytes.Clone(t.tail[len(t.tail)-maxTail:])
	}
	if t.left == 0 {
		return nil
	}
	kept := p[:min(len(p), t.left)]
	t.left -= len(kept)
	_, err := t.log.Write(kept)
	if err == nil && t.left == 0 {
		_, err = fmt.Fprintf(t.log, "\n… the log ends here: it is longer than %d bytes\n", maxLog)
	}
	if err != nil {
		return fmt.Errorf("write the study's log: %w", err)
	}
	return nil
}

// lastLines are the end of what was printed, fit for a terminal.
func (t *transcript) lastLines() string {
	text := strings.ToValidUTF8(string(t.tail), "�")
	text = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && !strconv.IsPrint(r) {
			return '�'
		}
		return r
	}, strings.ReplaceAll(text, "\r\n", "\n"))
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}

// readReport reads what the supervisor says; the zero report where it died first.
func readReport(r io.Reader) (report, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxReport))
	if err != nil {
		return report{}, fmt.Errorf("read the sandbox's report: %w", err)
	}
	var told report
	if len(content) == 0 {
		return told, nil
	}
	if err := json.Unmarshal(content, &told); err != nil {
		return report{}, fmt.Errorf("the sandbox's report cannot be read: %w", err)
	}
	if len(told.Refused) > maxRefused+1 {
		return report{}, errors.New("the sandbox's report is longer than any supervisor writes")
	}
	if len(told.Calls) > maxCalls || len(told.Walls) > 8 {
		return report{}, errors.New("the sandbox's report is longer than any supervisor writes")
	}
	told.Calls = slices.DeleteFunc(told.Calls, func(name string) bool { return !knownCall(name) })
	for i, wall := range told.Walls {
		told.Walls[i] = printable(wall)
	}
	for i, refused := range told.Refused {
		told.Refused[i] = Refused{Name: printable(refused.Name), Reason: printable(refused.Reason)}
	}
	return told, nil
}

// verdict is the run's error.
func (r report) verdict(limits Limits, said *transcript) error {
	switch {
	case r.Limit != "":
		return limits.exceeded(r.Limit)
	case r.Trouble != "":
		return fmt.Errorf("the sandbox could not run the study: %q", r.Trouble)
	case r.Ended && r.Status == 0 && r.Signal == "":
		return nil
	case r.Ended && exhausted.MatchString(said.lastLines()):
		return &LimitError{limitMemory, fmt.Sprintf("%d MiB", limits.Memory>>20), said.lastLines()}
	case r.Ended && strings.Contains(said.lastLines(), "No space left on device"):
		return &LimitError{limitScratch, fmt.Sprintf("%d MiB in /tmp, %d MiB in outputs/", limits.Memory>>21, limits.OutputBytes>>20), said.lastLines()}
	case r.Ended:
		return &StudyError{Status: r.Status, Signal: printable(r.Signal), Tail: said.lastLines()}
	}
	err := fmt.Errorf("the sandbox ended without a report: %s", orDefault(said.lastLines(), "it said nothing"))
	if missing := Available(); missing != nil {
		return errors.Join(missing, err)
	}
	return err
}

// exhausted is how languages and libraries say that they were given no more memory.
var exhausted = regexp.MustCompile(`(?m)^(MemoryError|numpy\..*MemoryError|pyarrow\.lib\.ArrowMemoryError|polars\.exceptions\..*memory)|Out of Memory Error|cannot allocate (vector|memory)|std::bad_alloc|DefaultCPUAllocator: can't allocate memory|Cannot allocate memory`)

// exceeded is the error for a limit that was gone over.
func (l Limits) exceeded(limit string) error {
	switch limit {
	case limitMemory:
		return &LimitError{Limit: limit, Bound: fmt.Sprintf("%d MiB", l.Memory>>20)}
	case limitBytes:
		return &LimitError{Limit: limit, Bound: fmt.Sprintf("%d bytes", l.OutputBytes)}
	case limitFiles:
		return &LimitError{Limit: limit, Bound: strconv.Itoa(l.OutputFiles)}
	}
	return fmt.Errorf("the sandbox named a limit that there is not: %q", limit)
}
