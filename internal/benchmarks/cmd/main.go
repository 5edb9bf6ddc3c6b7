// Command cmd runs the benchmarks: see package benchmarks.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"rempart.eu/rempart/internal/benchmarks"
	"rempart.eu/rempart/run"
)

func main() {
	if status, ok := run.Inside(os.Args[1:]); ok {
		os.Exit(status)
	}
	if status, ok := benchmarks.Inside(os.Args[1:]); ok {
		os.Exit(status)
	}
	suite := flag.String("suite", "", "which suite (default all)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := benchmarks.Execute(ctx, *suite)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
