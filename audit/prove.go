package audit

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"

	"rempart.eu/rempart/ledger"
)

// Prove writes a proof of a statement that needs nothing beside it but the ledger's
// public key: https://c2sp.org/tlog-proof, with the statement's envelope as its
// extra data. It is of the ledger's last checkpoint, with whatever witnesses have
// cosigned it.
func Prove(ctx context.Context, log *ledger.Log, index uint64) (proof, envelope []byte, err error) {
	e, err := log.Entry(ctx, index)
	if err != nil {
		return nil, nil, err
	}
	r, err := log.Prove(ctx, nil, []ledger.Entry{e})
	if err != nil {
		return nil, nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "c2sp.org/tlog-proof@v1\nextra %s\nindex %d\n", base64.StdEncoding.EncodeToString(e.Envelope), e.Index)
	for _, hash := range r.Proofs[0].Hashes {
		fmt.Fprintln(&b, base64.StdEncoding.EncodeToString(hash))
	}
	fmt.Fprintf(&b, "\n%s", r.Checkpoint)
	return b.Bytes(), e.Envelope, nil
}
