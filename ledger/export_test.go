package ledger

// OnWrite has f called before each write of this process.
func OnWrite(f func()) { step = f }

// Restart makes this process believe that the machine was restarted.
func Restart(name string) { boot = name }

// JournalLimit makes journals begin anew sooner, and returns what it was.
func JournalLimit(bytes int64) (before int64) {
	before, journalLimit = journalLimit, bytes
	return before
}
