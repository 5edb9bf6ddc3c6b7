package ledger

import "time"

type (
	// QuestionsAnswered sums up what was asked of a project's space in SQL, and anchors the
	// project's history of questions, which has each of them whole and sealed.
	QuestionsAnswered struct {
		Project  string      `json:"project"`
		Release  string      `json:"release"`
		Sessions []Asked     `json:"sessions"`
		History  JournalHead `json:"history"`
	}
	// Asked is what one researcher asked in one session.
	Asked struct {
		Session    string    `json:"session"`
		Researcher string    `json:"researcher"`
		From       time.Time `json:"from"`
		Until      time.Time `json:"until"` // of the last one
		Answered   int64     `json:"answered"`
		Refused    int64     `json:"refused"`
		Numbers    int64     `json:"numbers"` // that were told
	}
)

// Kind implements [Body].
func (QuestionsAnswered) Kind() string { return "questions-answered" }
