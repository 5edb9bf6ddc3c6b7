package governance

import "rempart.eu/rempart/ledger"

// Questions is how much was asked of a project's space, as far as the ledger has it.
type Questions struct {
	Answered, Refused, Numbers int64
	History                    ledger.JournalHead
}

// answer takes in what was asked of a project's space: its history only grows.
func (s *State) answer(b *ledger.QuestionsAnswered) error {
	project, err := s.Project(b.Project)
	if err != nil {
		return err
	}
	if project.Extraction == nil || len(b.Sessions) == 0 {
		return refuse("", "a summary of questions is of a space, and of something")
	}
	if b.History.Size <= project.Questions.History.Size {
		return refuse("Restore the history from its copy", "the history of questions of project %s has shrunk from %d bytes to %d", b.Project, project.Questions.History.Size, b.History.Size)
	}
	for _, a := range b.Sessions {
		if s.Parties[a.Researcher].Name == "" || a.Until.Before(a.From) || a.Answered+a.Refused < 1 {
			return refuse("", "a summary of questions does not add up for %q", a.Researcher)
		}
		project.Questions.Answered += a.Answered
		project.Questions.Refused += a.Refused
		project.Questions.Numbers += a.Numbers
	}
	project.Questions.History = b.History
	return nil
}
