package ledger

import (
	"context"
	"fmt"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/client"
)

// Receipt proves that statements are in a log, to somebody who holds nothing
// but the verifier key of the log's checkpoints.
type Receipt struct {
	Checkpoint string  `json:"checkpoint"` // a signed note, C2SP tlog-checkpoint
	Proofs     []Proof `json:"proofs"`
}

// Proof is the inclusion proof of one entry (RFC 6962, section 2.1.1).
type Proof struct {
	Index    uint64   `json:"index"`
	Envelope []byte   `json:"envelope"`
	Hashes   [][]byte `json:"hashes"` // from the leaf's sibling to the root's child
}

// Prove makes a receipt for entries, at the checkpoint given or, where that is
// nil, at the log's latest. The same checkpoint and entries give the same
// receipt for ever.
func (l *Log) Prove(ctx context.Context, checkpoint []byte, entries []Entry) (*Receipt, error) {
	if checkpoint == nil {
		_, raw, err := l.Checkpoint(ctx)
		if err != nil {
			return nil, err
		}
		checkpoint = raw
	}
	cp, err := l.ParseCheckpoint(checkpoint)
	if err != nil {
		return nil, err
	}
	builder, err := client.NewProofBuilder(ctx, cp.Size, l.Tile)
	if err != nil {
		return nil, fmt.Errorf("read the ledger's tiles: %w", err)
	}
	r := &Receipt{Checkpoint: string(checkpoint)}
	for _, e := range entries {
		hashes, err := builder.InclusionProof(ctx, e.Index)
		if err != nil {
			return nil, fmt.Errorf("prove ledger entry %d: %w", e.Index, err)
		}
		r.Proofs = append(r.Proofs, Proof{Index: e.Index, Envelope: e.Envelope, Hashes: hashes})
	}
	return r, nil
}

// Check verifies a receipt against the log's key alone, reading no file of the
// log, and returns the statements that it proves. Who signed them is not asked.
func (l *Log) Check(r *Receipt) ([]Entry, error) {
	cp, err := l.ParseCheckpoint([]byte(r.Checkpoint))
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, p := range r.Proofs {
		leaf := rfc6962.DefaultHasher.HashLeaf(p.Envelope)
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, cp.Size, leaf, p.Hashes, cp.Hash); err != nil {
			return nil, fmt.Errorf("the receipt does not prove ledger entry %d: %w", p.Index, err)
		}
		s, err := Read(p.Envelope)
		if err != nil {
			return nil, err
		}
		entries = append(entries, Entry{Index: p.Index, Envelope: p.Envelope, Statement: s})
	}
	return entries, nil
}

// ConsistencyProof proves that the log of one size continues that of a smaller one
// (RFC 6962, section 2.1.2).
func (l *Log) ConsistencyProof(ctx context.Context, smaller, larger uint64) ([][]byte, error) {
	builder, err := client.NewProofBuilder(ctx, larger, l.Tile)
	if err != nil {
		return nil, fmt.Errorf("read the ledger's tiles: %w", err)
	}
	return builder.ConsistencyProof(ctx, smaller, larger)
}
