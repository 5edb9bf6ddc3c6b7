package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/linkage/clk"
)

// commands are all that do something, by how they are called.
func commands() map[string]*cobra.Command {
	all := map[string]*cobra.Command{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if c.HasParent() && (!c.HasSubCommands() || c.Example != "") {
			all[strings.TrimPrefix(c.CommandPath(), "rempart ")] = c
		}
	}
	walk((&app{}).root())
	return all
}

var flagIn = regexp.MustCompile(`--([a-z0-9-]+)`)

// TestHelpTeaches: each command's help has examples, which call it by its name
// and with flags that it has.
func TestHelpTeaches(t *testing.T) {
	for path, c := range commands() {
		if !strings.Contains(c.Example, "rempart "+path) {
			t.Errorf("rempart %s --help has no example of it: %q", path, c.Example)
		}
		for line := range strings.Lines(c.Example) {
			if !strings.Contains(line, "rempart "+path+" ") {
				continue // of another command
			}
			for _, flag := range flagIn.FindAllStringSubmatch(line, -1) {
				if c.Flag(flag[1]) == nil && c.InheritedFlags().Lookup(flag[1]) == nil {
					t.Errorf("rempart %s --help shows --%s, which it does not have", path, flag[1])
				}
			}
		}
	}
}

// TestWhatIsReadIsJSON runs every command that reads with --json: what it prints
// is one JSON value and nothing else.
func TestWhatIsReadIsJSON(t *testing.T) {
	t.Parallel()
	home := homeAt(t, released)
	state := ledgerOf(t, home)
	var deposit, output string
	for id := range state.Deposits.All() {
		deposit = id
	}
	for id := range state.Outputs.All() {
		output = id
	}
	object := objectsOf(t, home, func(key string) bool { return strings.HasPrefix(key, "release-") })[0]
	filters := filepath.Join(t.TempDir(), "filters.clk")
	text, _ := clk.CLK{1, 2, 3}.MarshalText()
	if err := os.WriteFile(filters, []byte("record,clk:0123456789abcdef:last_name\n1,"+string(text)+"\n,1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, home, "vocabulary", "load", filepath.Join("..", "..", "feeds", "hospital", "vocabulary"))
	reads := map[string][]string{ // with what they are given
		"airlock list": {"--all"}, "airlock show": {output, "--as", "bob"}, "airlock code": {output}, "airlock suggest": {output}, "audit log": {}, "audit proof": {"3", "--out", t.TempDir()}, "audit report": {"--project", "flu"}, "audit show": {"3"}, "audit verify": {},
		"vocabulary list": {}, "vocabulary show": {}, "vocabulary unmapped": {},
		"deposit list": {}, "deposit quarantine": {deposit}, "feed list": {}, "feed show": {"hospital"}, "host exit-plan": {}, "host list": {}, "host requirements": {},
		"host show": {}, "host view": {object}, "key escrow": {}, "key list": {}, "linkage report": {}, "lake verify": {"--sample", "3"}, "party list": {}, "people list": {}, "people rules": {}, "people waiting": {}, "token list": {},
		"project catalogue": {"flu"}, "project diff": {"flu", "1", "1"}, "project history": {"flu"}, "project list": {}, "project renewal list": {"flu"}, "project show": {"flu"}, "project uses": {},
		"policy list": {}, "policy show": {"providers-deposit"}, "policy test": {}, "policy what-if": {"run-requested", "--as", "alice", "--project", "flu"}, "policy why": {"9"}, "release list": {}, "release profile": {}, "release quality": {}, "release show": {}, "release verify": {}, "state show": {}, "witness list": {}, "rights list": {},
		"runs list": {"--all"}, "runs show": {strings.TrimSuffix(output, "-1")}, "runs logs": {strings.TrimSuffix(output, "-1"), "--as", "alice"},
		"environment list": {}, "environment show": {"core"}, "environment wheel list": {"flu"}, "emergency list": {}, "register": {}, "tls list": {}, "linkage clk link": {filters, filters},
	}
	reading := []string{"list", "show", "log", "verify", "view", "quarantine", "requirements", "exit-plan", "escrow"}
	for path, c := range commands() {
		if args, known := reads[path]; known {
			out := must(t, home, append(append(strings.Fields(path), args...), "--json")...)
			if !json.Valid([]byte(out)) {
				t.Errorf("rempart %s --json prints %.200s", path, out)
			}
		} else if slices.Contains(reading, c.Name()) {
			t.Errorf("rempart %s reads, and is not tried with --json", path)
		}
	}
}
