package warehouse

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"strings"
	"time"

	"rempart.eu/rempart/ledger"
)

// Enrol lets a party register a passkey: it draws the code that the party shows
// in the portal. The code is as good as it will be also where the error is a
// *SignatureWanted or a *SecondWanted: once that has been signed.
func (w *Warehouse) Enrol(ctx context.Context, as, party string, lasts time.Duration, reason string) (code string, e ledger.Entry, err error) {
	var b [20]byte // 160 bits: nobody finds it from its digest, which the ledger has
	_, _ = rand.Read(b[:])
	letters := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
	for i := 0; i < len(letters); i += 8 {
		code += "-" + letters[i:i+8]
	}
	code = code[1:]
	e, err = w.Commit(ctx, as, ledger.EnrolmentOpened{Party: party, Code: ledger.Sum([]byte(code)), Until: w.Now().UTC().Truncate(time.Second).Add(lasts), Reason: reason})
	var (
		passkey *SignatureWanted
		second  *SecondWanted
	)
	if err != nil && !errors.As(err, &passkey) && !errors.As(err, &second) {
		code = ""
	}
	return code, e, err
}
