package benchmarks

import "context"

// suites are what can be measured, by name.
var suites = map[string]func(context.Context, *Run) error{
	"path":    path,
	"lake":    lakeBench,
	"host":    hostBench,
	"intake":  intakeBench,
	"linkage": linkageBench,
	"omop":    omopBench,
	"ledger":  ledgerBench,
	"run":     runBench,
}
