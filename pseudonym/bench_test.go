package pseudonym_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"testing"

	"rempart.eu/rempart/pseudonym"
)

var someone = pseudonym.Identity{
	NIR: "295109912611193", LastName: "Bertrand", FirstName: "Anne-Laure", BirthDate: "1995-10-14", Sex: "F",
}

// BenchmarkTokens makes three tokens a round, from traits as they come.
func BenchmarkTokens(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := provider.Tokens(someone); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(3*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}

// BenchmarkSecond makes one token a round.
func BenchmarkSecond(b *testing.B) {
	token := must(provider.Tokens(pseudonym.Identity{SSN: "999-17-5017"})).A
	b.ReportAllocs()
	for b.Loop() {
		authority.Second(token, pseudonym.ByIdentifier)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}

// BenchmarkHMACNewPerToken is what keyed hashes that wait are set against.
func BenchmarkHMACNewPerToken(b *testing.B) {
	key, message := secret(0), []byte("A\x1f0123456789abcdef")
	var sum [sha256.Size]byte
	b.ReportAllocs()
	for b.Loop() {
		h := hmac.New(sha256.New, key)
		h.Write(message)
		h.Sum(sum[:0])
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}

func BenchmarkHash(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		local.Hash("encounters", "8d4c4326-e9de-4f45-9a4c-f8c36bff89ae")
	}
}
