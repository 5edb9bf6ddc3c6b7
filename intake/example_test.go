package intake_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing/fstest"

	"rempart.eu/rempart/intake"
	"rempart.eu/rempart/intake/intaketest"
	"rempart.eu/rempart/pseudonym"
)

func ExampleChecker_Check() {
	feed, err := intake.LoadFeed(fstest.MapFS{"datapackage.json": {Data: []byte(`{
		"name": "clinic", "rempart": {"kind": "hospital", "threshold": 0.5},
		"resources": [{"name": "patients", "path": "patients.csv", "rempart": {"purpose": "identity"}, "schema": {"fields": [
			{"name": "No", "rempart": {"role": "person"}},
			{"name": "Name", "rempart": {"trait": "last_name"}},
			{"name": "Born", "type": "date", "rempart": {"role": "health", "trait": "birth_date", "generalise": "year"}}]}}]}`)}})
	if err != nil {
		fmt.Println(err)
		return
	}
	delivery, err := feed.Deliver([]string{"patients.csv"})
	if err != nil {
		fmt.Println(err)
		return
	}
	checker := intake.NewChecker(delivery, visible{}, intake.Options{})
	in := strings.NewReader("No,Name,Born\n1,Durand,1984-12-31\n2,Martin,31/02/2024\n")
	counts, err := checker.Check(context.Background(), delivery.Sources[0], "patients.csv", in, intake.Sinks{
		Health: []intake.HealthSink{intaketest.NewText(os.Stdout, feed.Resources[0].HealthColumns())},
		Identity: func(person int64, who pseudonym.Identity) error {
			fmt.Println("to linkage:", person, who.LastName)
			return nil
		},
		Refused: func(e intake.RowError) error {
			fmt.Println("refused:", e.Error())
			return nil
		},
	})
	fmt.Println(counts[0].Accepted, "of", counts[0].Rows, err)
	// Output:
	// line,person,born
	// to linkage: 1001 Durand
	// refused: patients.csv:3: Born: date: want YYYY-MM-DD
	// 2,1001,1984
	// 1 of 2 <nil>
}
