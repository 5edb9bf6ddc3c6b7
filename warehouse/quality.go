package warehouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"
	"time"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/quality"
)

// QualityFile is where a home says what holds for the quality of its releases, in
// the place of what Rempart says: see [quality.Settings].
const QualityFile = "quality.toml"

// qualitySettings are those of the home, and their digest.
func (w *Warehouse) qualitySettings() (*quality.Settings, ledger.Digest, error) {
	text, err := os.ReadFile(w.path(QualityFile))
	if errors.Is(err, fs.ErrNotExist) {
		return quality.DefaultSettings(), ledger.Sum([]byte(quality.DefaultRules())), nil
	}
	if err != nil {
		return nil, "", err
	}
	settings, err := quality.ReadSettings(string(text))
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", w.path(QualityFile), err)
	}
	return settings, ledger.Sum(text), nil
}

// examine makes the checks of the release's quality while its tables are in
// memory, and stops where the policies would refuse it.
func (p *publication) examine(ctx context.Context, linkage *governance.Linkage) error {
	settings, digest, err := p.w.qualitySettings()
	if err != nil {
		return err
	}
	p.options.Progress.Report("quality", 0, 0)
	now := p.w.Now().UTC()
	var vocabulary string
	if err := p.db.Value(ctx, &vocabulary, "SELECT coalesce(max(vocabulary_version), '') FROM cdm.vocabulary WHERE vocabulary_id = 'None'"); err != nil {
		return err
	}
	p.quality, err = quality.Run(ctx, p.db, quality.Options{Settings: settings, Now: now, Source: quality.Metadata{
		Name: p.w.Config.Name, Abbreviation: p.w.Config.Name, Holder: p.state.ControllerName(),
		Description:       fmt.Sprintf("linkage %s of %d deposits", linkage.Linkage, len(linkage.Deposits)),
		ETL:               "https://rempart.eu",
		SourceReleaseDate: p.lastDeposit(linkage).Format(time.DateOnly), ReleaseDate: now.Format(time.DateOnly),
		CDMVersion: CDMVersion, CDMVersionConceptID: omop.VersionConcept, VocabularyVersion: vocabulary,
	}})
	if err != nil {
		return err
	}
	o := p.quality.Overview
	p.made.Linkage = linkage.Linkage
	p.made.Quality = &ledger.Quality{Checks: o.Passed[0] + o.Failed[0], Failed: o.Failed[0], Rules: digest}
	for _, c := range p.quality.Blocking() {
		p.made.Quality.Mandatory = append(p.made.Quality.Mandatory, ledger.FailedCheck{Check: c.ID, Share: shareOf(c)})
	}
	return p.w.may(p.state, p.state.ControllerName(), &p.made.ReleasePublished)
}

// shareOf is the share of rows that violate a check, per ten thousand, rounded up:
// what a waiver for it covers.
func shareOf(c quality.CheckResult) int64 { return max(1, int64(math.Ceil(c.Share*10_000))) }

// lastDeposit is when the youngest deposit was made.
func (p *publication) lastDeposit(linkage *governance.Linkage) (last time.Time) {
	for _, id := range linkage.Deposits {
		if d, ok := p.state.Deposits.Get(id); ok && d.Time.After(last) {
			last = d.Time
		}
	}
	return last
}

// Quality opens what the checks of a release found. Only the controller can.
func (w *Warehouse) Quality(ctx context.Context, state *governance.State, release *governance.Release) (*quality.Results, error) {
	if release.Quality == nil {
		return nil, &governance.Refusal{Reason: fmt.Sprintf("release %s was published before releases were checked", release.Release), Remedy: "Publish again: rempart release publish"}
	}
	results := &quality.Results{}
	if err := readable(release, w.Now()); err != nil {
		return results, err
	}
	return results, w.openSealed(ctx, state, "release "+release.Release, release.Quality.Results, results)
}

// openSealed reads a document that was sealed with a release or a vocabulary.
func (w *Warehouse) openSealed(ctx context.Context, state *governance.State, of string, object ledger.Object, document any) (err error) {
	ring, err := w.Keyring(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	vault, err := w.Vault(state)
	if err != nil {
		return err
	}
	key, err := ring.Key(ctx, object.Key)
	if err != nil {
		return fmt.Errorf("%s: %w", of, err)
	}
	defer key.Wipe()
	if err := vault.ReadJSON(ctx, object, key, document); err != nil {
		return fmt.Errorf("%s: %w", of, err)
	}
	return nil
}

// ParseFailedCheck reads CHECK=PERCENT, as a refused release names it.
func ParseFailedCheck(text string) (c ledger.FailedCheck, err error) {
	name, percent, found := strings.Cut(text, "=")
	var value float64
	if _, scanned := fmt.Sscanf(percent, "%g", &value); !found || scanned != nil || name == "" {
		return c, fmt.Errorf("%q: want CHECK=PERCENT, as the refused release names it: field_isforeignkey_cost_cost_event_id=0.5", text)
	}
	return ledger.FailedCheck{Check: name, Share: int64(math.Round(value * 100))}, nil
}
