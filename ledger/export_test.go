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

// ReadSimple and ReadCanonical are the two ways to read a statement.
var ReadSimple, ReadCanonical = readSimple, readCanonical

// VerifyBatch says whether a key has made all of a batch of signatures.
func VerifyBatch(key PublicKey, payloads, signatures [][]byte) bool {
	by, ok := newSigner(key)
	if !ok {
		return false
	}
	batch := make([]signed, len(payloads))
	for i := range batch {
		batch[i] = signed{by: by, payload: payloads[i], sig: signatures[i]}
	}
	return verifyBatch(batch)
}

// VerifyOne says whether a key has made a signature.
func VerifyOne(key PublicKey, payload, signature []byte) bool {
	by, ok := newSigner(key)
	return ok && signed{by: by, payload: payload, sig: signature}.verify()
}
