package warehouse

import (
	"errors"
	"io/fs"
	"os"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
)

// QuestionsLine begins each history of questions, which is a [ledger.Chain].
const QuestionsLine = "rempart questions 1\n"

// QuestionsPath is where the history of what was asked of a project's space lies.
func (w *Warehouse) QuestionsPath(project string) string {
	return w.path("questions", project+".journal")
}

// questions are the histories that there are, or that the ledger knows.
func (w *Warehouse) questions(state *governance.State) map[string]ledger.JournalHead {
	known := map[string]ledger.JournalHead{}
	for name, p := range state.Projects.All() {
		path := w.QuestionsPath(name)
		if _, err := os.Stat(path); err == nil || p.Questions.History.Size > 0 {
			known[path] = p.Questions.History
		}
	}
	return known
}

// checkQuestions says whether a history is what the ledger knows: its chain needs no key.
func checkQuestions(path string, anchor ledger.JournalHead) error {
	data, err := os.ReadFile(path) //nolint:gosec // of the home
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it is missed already
	}
	if err != nil {
		return err
	}
	chain := ledger.Chain{Line: QuestionsLine}
	return chain.Read(data, anchor, func([]byte, bool) error { return nil })
}
