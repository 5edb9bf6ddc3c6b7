package main

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
	"rempart.eu/rempart/people"
)

func (a *app) tokenCommand() *cobra.Command {
	return group("token", "API tokens: what programs may do in somebody's name", a.tokenIssueCommand(), a.tokenListCommand(), a.tokenRevokeCommand())
}

func (a *app) tokenIssueCommand() *cobra.Command {
	var (
		as               string
		scopes, projects []string
		lasts            time.Duration
	)
	c := &cobra.Command{
		Use: "issue NAME", Short: "Issue a token", Args: exactly(1),
		Long: `Prints the token, once; the ledger keeps its SHA-256. It ends by the clock, when it is
revoked, or when its owner leaves. A token signs nothing: what needs a passkey waits
for one.

Scopes: ` + strings.Join(slices.Sorted(maps.Keys(governance.Scopes)), ", ") + `.`,
		Example: `  rempart token issue nightly --as alice --scope request --project flu --for 8h`,
		RunE: func(c *cobra.Command, args []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			if as == "" {
				return usage("whose token is it? Give --as")
			}
			id, token, digest := people.NewToken()
			until := w.Now().UTC().Truncate(time.Second).Add(lasts)
			e, err := w.Commit(c.Context(), as, ledger.TokenIssued{Token: id, Secret: digest, Name: args[0], Scopes: scopes, Projects: projects, Until: until})
			if err != nil && !waits(err) {
				return err
			}
			made := struct {
				ID    string    `json:"id"`
				Token string    `json:"token"`
				Until time.Time `json:"until"`
			}{id, token, until}
			if shown := a.show(made, func() error {
				a.say("%s", token)
				a.say("Token %s is good until %s (statement %d). It is not shown again.", id, until.Format(time.RFC3339), e.Index)
				return nil
			}); shown != nil {
				return shown
			}
			return err
		},
	}
	c.Flags().StringVar(&as, "as", "", "whose `token` it is")
	c.Flags().StringArrayVar(&scopes, "scope", []string{"read"}, "`what` it is good for; may be repeated")
	c.Flags().StringArrayVar(&projects, "project", nil, "in which `project`; may be repeated; none: in all of the owner's")
	c.Flags().DurationVar(&lasts, "for", 8*time.Hour, "how `long`, 168h at most")
	return c
}

// tokenLine is what `token list` tells.
type tokenLine struct {
	ID       string    `json:"id"`
	Owner    string    `json:"owner"`
	Name     string    `json:"name"`
	Scopes   []string  `json:"scopes"`
	Projects []string  `json:"projects,omitempty"`
	Until    time.Time `json:"until"`
}

func (a *app) tokenListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "The tokens that are good now", Args: exactly(0),
		Example: "  rempart token list",
		RunE: func(c *cobra.Command, _ []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			list := []tokenLine{}
			for _, party := range slices.Sorted(maps.Keys(state.Parties)) {
				for _, t := range state.TokensOf(party, w.Now()) {
					list = append(list, tokenLine{t.Token, party, t.Name, t.Scopes, t.Projects, t.Until})
				}
			}
			return a.show(list, func() error {
				if len(list) == 0 {
					a.say("No token is good now.")
					return nil
				}
				var rows [][]string
				for _, t := range list {
					rows = append(rows, []string{t.ID, t.Owner, t.Name, strings.Join(t.Scopes, ","), strings.Join(t.Projects, ","), t.Until.Format(time.RFC3339)})
				}
				return a.table([]string{"token", "owner", "name", "scopes", "projects", "until"}, rows)
			})
		},
	}
}

func (a *app) tokenRevokeCommand() *cobra.Command {
	var as, reason string
	c := &cobra.Command{
		Use: "revoke TOKEN", Short: "End a token at once", Args: exactly(1),
		Example: `  rempart token revoke t-0123456789abcdef --reason "it was in a log"`,
		RunE: func(c *cobra.Command, args []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			if as == "" {
				as = state.ControllerName()
			}
			e, err := w.Commit(c.Context(), as, ledger.TokenRevoked{Token: args[0], Reason: reason})
			if err != nil {
				return err
			}
			a.say("Token %s is good for nothing any more (statement %d).", args[0], e.Index)
			return nil
		},
	}
	c.Flags().StringVar(&as, "as", "", "who revokes it: its `owner`, or the controller")
	c.Flags().StringVar(&reason, "reason", "", "`why`")
	return c
}
