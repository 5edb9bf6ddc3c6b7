package assess

import (
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"strings"
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

// Attested is what a report that verifies says of its machine.
type Attested struct {
	Kind        string // "SEV-SNP" or "TDX"
	Product     string // the processor's family, where it is told
	Measurement []byte // of the guest's initial memory: 48 bytes
	Debug       bool   // the host may look into the guest
}

func (a Attested) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s", a.Kind, a.Product)) + fmt.Sprintf(", measurement %x…", a.Measurement[:8])
}

// noFetch refuses whatever the verifiers would fetch: nothing is sent anywhere
// about the machine. What is revoked is therefore not known here.
type noFetch struct{}

func (noFetch) Get(string) (map[string][]string, []byte, error) {
	return nil, nil, errors.New("the assessment fetches nothing")
}

// Verify checks the signature and its chain to the maker's root, embedded in
// the verifiers, and says what was attested. Revocation is not checked.
func (a Attestation) Verify(now time.Time) (Attested, error) {
	if len(a.Report) == sevabi.ReportSize {
		return a.verifySNP(now)
	}
	return a.verifyTDX(now)
}

func (a Attestation) verifySNP(now time.Time) (Attested, error) {
	report, err := sevabi.ReportToProto(a.Report)
	if err != nil {
		return Attested{}, fmt.Errorf("SEV-SNP report: %w", err)
	}
	certificate, err := x509.ParseCertificate(a.VCEK)
	if err != nil {
		return Attested{}, fmt.Errorf("SEV-SNP report: its VCEK certificate (--vcek FILE, in DER): %w", err)
	}
	extensions, err := sevkds.VcekCertificateExtensions(certificate)
	if err != nil {
		return Attested{}, fmt.Errorf("SEV-SNP report: its VCEK certificate: %w", err)
	}
	product, err := sevkds.ParseProductName(extensions.ProductName, sevabi.VcekReportSigner)
	if err != nil {
		return Attested{}, fmt.Errorf("SEV-SNP report: its VCEK certificate: %w", err)
	}
	attestation := &sevsnp.Attestation{Report: report, CertificateChain: &sevsnp.CertificateChain{VcekCert: a.VCEK}, Product: product}
	options := &sevverify.Options{DisableCertFetching: true, Getter: noGetter{}, Now: now, Product: product}
	if err := sevverify.SnpAttestation(attestation, options); err != nil {
		return Attested{}, fmt.Errorf("SEV-SNP report: %w", err)
	}
	policy, err := sevabi.ParseSnpPolicy(report.GetPolicy())
	if err != nil {
		return Attested{}, fmt.Errorf("SEV-SNP report: %w", err)
	}
	return Attested{"SEV-SNP", extensions.ProductName, report.GetMeasurement(), policy.Debug}, nil
}

// noGetter is [noFetch] in the shape that go-sev-guest wants.
type noGetter struct{}

func (noGetter) Get(string) ([]byte, error) { return nil, errors.New("the assessment fetches nothing") }

// intelRoot is the Intel SGX Root CA, to which TDX quotes lead too, as
// go-tdx-guest embeds it: SHA-256 44A0196B2B99F889B8E149E95B807A350E7424964399E885A7CBB8CCFAB674D3.
// It is given so that the verifier, which would use its own, does not say so on
// the standard output.
//
//go:embed intel-sgx-root.pem
var intelRoot []byte

// tdxDebug is the bit of a trust domain's attributes that opens it to its host
// (Intel TDX module ABI specification, TD_ATTRIBUTES.DEBUG).
const tdxDebug = 1

func (a Attestation) verifyTDX(now time.Time) (Attested, error) {
	parsed, err := tdxabi.QuoteToProto(a.Report)
	if err != nil {
		return Attested{}, fmt.Errorf("this is neither an SEV-SNP report nor a TDX quote: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(intelRoot)
	if err := tdxverify.TdxQuote(parsed, &tdxverify.Options{Getter: noFetch{}, Now: now, TrustedRoots: roots}); err != nil {
		return Attested{}, fmt.Errorf("TDX quote: %w", err)
	}
	quote, ok := parsed.(*tdx.QuoteV4)
	if !ok {
		return Attested{}, fmt.Errorf("TDX quote: a %T is not read", parsed)
	}
	body := quote.GetTdQuoteBody()
	return Attested{"TDX", "", body.GetMrTd(), body.GetTdAttributes()[0]&tdxDebug != 0}, nil
}
