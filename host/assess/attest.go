package assess

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	sevabi "github.com/google/go-sev-guest/abi"
	sevkds "github.com/google/go-sev-guest/kds"
	"github.com/google/go-sev-guest/proto/sevsnp"
	sevverify "github.com/google/go-sev-guest/verify"
	tdxabi "github.com/google/go-tdx-guest/abi"
	"github.com/google/go-tdx-guest/proto/tdx"
	tdxverify "github.com/google/go-tdx-guest/verify"
)

// Attestation is a report that a machine made of itself, signed by its
// processor: an SEV-SNP report with its VCEK certificate, or a TDX quote, which
// brings its certificates along.
type Attestation struct {
	Report []byte
	VCEK   []byte // DER; of SEV-SNP
}

// noFetch refuses whatever the verifiers would fetch: nothing is sent anywhere
// about the machine. What is revoked is therefore not known here.
type noFetch struct{}

func (noFetch) Get(string) (map[string][]string, []byte, error) {
	return nil, nil, errors.New("the assessment fetches nothing")
}

// Verify checks the signature and its chain to the maker's root, embedded in
// the verifiers, and says what was attested. Revocation is not checked.
func (a Attestation) Verify(now time.Time) (string, error) {
	if len(a.Report) == sevabi.ReportSize {
		return a.verifySNP(now)
	}
	return a.verifyTDX(now)
}

func (a Attestation) verifySNP(now time.Time) (string, error) {
	report, err := sevabi.ReportToProto(a.Report)
	if err != nil {
		return "", fmt.Errorf("SEV-SNP report: %w", err)
	}
	certificate, err := x509.ParseCertificate(a.VCEK)
	if err != nil {
		return "", fmt.Errorf("SEV-SNP report: its VCEK certificate (--vcek FILE, in DER): %w", err)
	}
	extensions, err := sevkds.VcekCertificateExtensions(certificate)
	if err != nil {
		return "", fmt.Errorf("SEV-SNP report: its VCEK certificate: %w", err)
	}
	product, err := sevkds.ParseProductName(extensions.ProductName, sevabi.VcekReportSigner)
	if err != nil {
		return "", fmt.Errorf("SEV-SNP report: its VCEK certificate: %w", err)
	}
	attestation := &sevsnp.Attestation{Report: report, CertificateChain: &sevsnp.CertificateChain{VcekCert: a.VCEK}, Product: product}
	options := &sevverify.Options{DisableCertFetching: true, Getter: noGetter{}, Now: now, Product: product}
	if err := sevverify.SnpAttestation(attestation, options); err != nil {
		return "", fmt.Errorf("SEV-SNP report: %w", err)
	}
	policy, err := sevabi.ParseSnpPolicy(report.GetPolicy())
	if err != nil {
		return "", fmt.Errorf("SEV-SNP report: %w", err)
	}
	if policy.Debug {
		return "", errors.New("SEV-SNP report: the guest may be debugged by its host")
	}
	return fmt.Sprintf("SEV-SNP, %s, measurement %x…", extensions.ProductName, report.GetMeasurement()[:8]), nil
}

// noGetter is [noFetch] in the shape that go-sev-guest wants.
type noGetter struct{}

func (noGetter) Get(string) ([]byte, error) { return nil, errors.New("the assessment fetches nothing") }

// tdxDebug is the bit of a trust domain's attributes that opens it to its host
// (Intel TDX module ABI specification, TD_ATTRIBUTES.DEBUG).
const tdxDebug = 1

func (a Attestation) verifyTDX(now time.Time) (string, error) {
	parsed, err := tdxabi.QuoteToProto(a.Report)
	if err != nil {
		return "", fmt.Errorf("this is neither an SEV-SNP report nor a TDX quote: %w", err)
	}
	if err := tdxverify.TdxQuote(parsed, &tdxverify.Options{Getter: noFetch{}, Now: now}); err != nil {
		return "", fmt.Errorf("TDX quote: %w", err)
	}
	quote, ok := parsed.(*tdx.QuoteV4)
	if !ok {
		return "TDX", nil
	}
	body := quote.GetTdQuoteBody()
	if attributes := body.GetTdAttributes(); len(attributes) == 0 || attributes[0]&tdxDebug != 0 {
		return "", errors.New("TDX quote: the guest may be debugged by its host")
	}
	return fmt.Sprintf("TDX, measurement %x…", body.GetMrTd()[:8]), nil
}
