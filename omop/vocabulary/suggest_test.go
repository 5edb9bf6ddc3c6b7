package vocabulary_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rempart.eu/rempart/engine"
	"rempart.eu/rempart/omop/vocabulary"
)

func TestCandidatesHaveTheRareWordsOfACode(t *testing.T) {
	db, err := engine.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	concepts := `(VALUES (1, 'Acute myocardial infarction', 'S'), (2, 'Acute appendicitis', 'S'), (3, 'Acute bronchitis', 'S'), (4, 'Infarction of heart', NULL)) t(concept_id, concept_name, standard_concept)`
	codes := []vocabulary.Unmapped{
		{Vocabulary: "CIM10", Code: "I21", Name: "MYOCARDIAL infarction, acute", Rows: 9},
		{Vocabulary: "CIM10", Code: "K35", Name: "Appendicitis", Rows: 5},
		{Vocabulary: "CIM10", Code: "X", Name: "Zzz", Rows: 2},
		{Vocabulary: "CIM10", Code: "Y", Rows: 1},
	}
	if err := vocabulary.Suggest(t.Context(), db, concepts, codes); err != nil {
		t.Fatal(err)
	}
	var best []int64
	for _, c := range codes {
		if len(c.Candidates) == 0 {
			best = append(best, 0)
			continue
		}
		best = append(best, c.Candidates[0].Concept)
	}
	if diff := cmp.Diff([]int64{1, 2, 0, 0}, best); diff != "" {
		t.Errorf("%s\n%+v", diff, codes)
	}
	if codes[0].Candidates[0].Score < 0.999 {
		t.Errorf("the same words score %f", codes[0].Candidates[0].Score)
	}
	var usagi strings.Builder
	if err := vocabulary.WriteUsagi(&usagi, codes[1:3]); err != nil {
		t.Fatal(err)
	}
	if want := "K35,Appendicitis,5,2,CIM10,"; !strings.Contains(usagi.String(), want) || !strings.Contains(usagi.String(), "X,Zzz,2,,CIM10,0,UNCHECKED,UNREVIEWED,,0,0,MAPS_TO,,rempart,0,") {
		t.Error(usagi.String())
	}
}
