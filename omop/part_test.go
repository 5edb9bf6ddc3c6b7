package omop_test

import (
	"testing"

	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/omop"
	"rempart.eu/rempart/omop/omoptest"
)

// However many rows are mapped at a time, a release holds the same rows, under the
// same numbers.
func TestPartsChangeNothing(t *testing.T) {
	db := omoptest.Open(t)
	in := omoptest.Load(t, db, feeds.FS(), syntheaFolders(t)...)
	whole, err := omop.Build(t.Context(), db, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	omoptest.SameInParts(t, db, in, whole, 3000)
}
