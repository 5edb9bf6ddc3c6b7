package linkage

import (
	"context"

	"rempart.eu/rempart/pseudonym"
	"rempart.eu/rempart/pseudonym/oblivious"
)

// Keyed makes tokens with the providers' key.
type Keyed struct{ Key *pseudonym.ProviderKey }

// Mode implements [Maker].
func (Keyed) Mode() pseudonym.Mode { return pseudonym.Keyed }

// Tokens implements [Maker].
func (k Keyed) Tokens(_ context.Context, batch []pseudonym.Inputs) ([]pseudonym.Tokens, error) {
	tokens := make([]pseudonym.Tokens, len(batch))
	for i, in := range batch {
		tokens[i] = k.Key.TokensOf(in)
	}
	return tokens, nil
}

// StayTokens implements [StayMaker].
func (k Keyed) StayTokens(_ context.Context, batch []pseudonym.StayInputs) ([]pseudonym.StayTokens, error) {
	tokens := make([]pseudonym.StayTokens, len(batch))
	for i, in := range batch {
		tokens[i] = k.Key.StayTokensOf(in)
	}
	return tokens, nil
}

// Evaluator is whoever holds the key of the oblivious function: a service, or
// an [oblivious.Key] in the same process.
type Evaluator interface {
	Evaluate(ctx context.Context, blinded []byte) (evaluated, proof []byte, err error)
}

// Oblivious makes tokens with the help of an authority that does not see them,
// and believes no answer without a proof for the key that it committed to.
type Oblivious struct {
	Public    oblivious.PublicKey
	Evaluator Evaluator
}

// Mode implements [Maker].
func (Oblivious) Mode() pseudonym.Mode { return pseudonym.Oblivious }

// Tokens implements [Maker].
func (o Oblivious) Tokens(ctx context.Context, batch []pseudonym.Inputs) ([]pseudonym.Tokens, error) {
	tokens := make([]pseudonym.Tokens, len(batch))
	var asked [][]byte
	for _, in := range batch {
		asked = in.AppendOblivious(asked)
	}
	outputs, err := o.evaluate(ctx, asked)
	if err != nil {
		return nil, err
	}
	for i, in := range batch {
		tokens[i], outputs = in.TakeOblivious(outputs)
	}
	return tokens, nil
}

// StayTokens implements [StayMaker].
func (o Oblivious) StayTokens(ctx context.Context, batch []pseudonym.StayInputs) ([]pseudonym.StayTokens, error) {
	tokens := make([]pseudonym.StayTokens, len(batch))
	var asked [][]byte
	for _, in := range batch {
		asked = in.AppendOblivious(asked)
	}
	outputs, err := o.evaluate(ctx, asked)
	if err != nil {
		return nil, err
	}
	for i, in := range batch {
		tokens[i], outputs = in.TakeOblivious(outputs)
	}
	return tokens, nil
}

// evaluate asks for the outputs of one batch of inputs, which may be empty.
func (o Oblivious) evaluate(ctx context.Context, asked [][]byte) ([][oblivious.OutputSize]byte, error) {
	if len(asked) == 0 {
		return nil, nil // nobody has a trait
	}
	blinding, err := o.Public.Blind(asked)
	if err != nil {
		return nil, err
	}
	evaluated, proof, err := o.Evaluator.Evaluate(ctx, blinding.Request())
	if err != nil {
		return nil, err
	}
	return blinding.Finalize(evaluated, proof)
}
