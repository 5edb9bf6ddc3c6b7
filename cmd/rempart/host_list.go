package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/governance"
	"rempart.eu/rempart/ledger"
)

// registered is a host as the register and the configuration tell it.
type registered struct {
	ledger.HostRegistered
	Current    bool                      `json:"current"`
	Foreign    bool                      `json:"foreign"` // foreign law reaches it
	Versions   int                       `json:"versions"`
	Derogation *ledger.DerogationGranted `json:"derogation,omitempty"` // in force
	Warning    string                    `json:"warning,omitempty"`
	Erased     string                    `json:"erased,omitempty"` // the day on which its objects were deleted
}

func (a *app) registered(state *governance.State, h *governance.Host) registered {
	now := a.now()
	r := registered{HostRegistered: h.HostRegistered, Current: h.Host == state.Host, Foreign: h.Foreign(), Versions: len(h.Versions), Warning: warning(h, now)}
	if d := h.InForce(now); d != nil {
		r.Derogation = &d.DerogationGranted
	}
	if h.Erased != nil {
		r.Erased = day(h.Erased.Time)
	}
	return r
}

// warning says that a derogation is about to end, or that it has ended.
func warning(h *governance.Host, now time.Time) string {
	if !h.Foreign() || h.Derogation == nil {
		return ""
	}
	const out = "Move before: rempart host migrate --to NAME"
	days, threshold, ok := h.Warning(now)
	switch {
	case h.InForce(now) == nil:
		return fmt.Sprintf("The derogation for host %s ended on %s: it can be read only. Move: rempart host migrate --to NAME", h.Host, day(h.Derogation.Until))
	case ok && threshold == 30:
		return fmt.Sprintf("LAST WARNING: the derogation for host %s ends in %d days, on %s; then it can be read only. %s", h.Host, days, day(h.Derogation.Until), out)
	case ok:
		return fmt.Sprintf("Warning: the derogation for host %s ends in %d days, on %s; then it can be read only. %s", h.Host, days, day(h.Derogation.Until), out)
	}
	return ""
}

// warnOfHost prints on stderr that the derogation of the current host is about to end.
func (a *app) warnOfHost(state *governance.State) {
	if h, known := state.Hosts.Get(state.Host); known {
		if text := warning(h, a.now()); text != "" {
			fmt.Fprintln(a.err, paint(a.err, red, text))
		}
	}
}

func (a *app) hostListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the hosts of the register", Args: exactly(0),
		Example: "  rempart host list",
		RunE: func(c *cobra.Command, _ []string) error {
			_, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			list := []registered{}
			var rows [][]string
			for name, h := range state.Hosts.All() {
				r := a.registered(state, h)
				list = append(list, r)
				rows = append(rows, []string{name, r.HostKind, r.URL, strings.Join(h.Reach(), " "), hostStanding(r)})
			}
			return a.show(list, func() error {
				if err := a.table([]string{"host", "kind", "address", "law of", "standing"}, rows); err != nil {
					return err
				}
				for _, r := range list {
					if r.Warning != "" {
						a.say("%s", r.Warning)
					}
				}
				return nil
			})
		},
	}
}

// hostStanding says in a word or two how the warehouse stands with a host.
func hostStanding(r registered) string {
	var words []string
	if r.Current {
		words = append(words, "current")
	}
	if r.Erased != "" {
		words = append(words, "erased on "+r.Erased)
	}
	switch {
	case r.Foreign && r.Derogation != nil:
		words = append(words, "derogation until "+day(r.Derogation.Until))
	case r.Foreign && r.Current:
		words = append(words, "read only")
	case r.Foreign:
		words = append(words, "closed: foreign law")
	}
	return strings.Join(words, ", ")
}

func (a *app) hostShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show [NAME]", Short: "Say all that is known of a host, and what lies there",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("call it as: %s", c.UseLine())
			}
			return nil
		},
		Example: `  rempart host show
  rempart host show regional`,
		RunE: func(c *cobra.Command, args []string) error {
			w, state, err := a.state(c.Context())
			if err != nil {
				return err
			}
			name := state.Host
			if len(args) == 1 {
				name = args[0]
			}
			h, err := state.HostByName(name)
			if err != nil {
				return err
			}
			store, err := w.Store(name)
			if err != nil {
				return err
			}
			var shown struct {
				registered
				Objects int    `json:"objects"`
				Bytes   int64  `json:"bytes"`
				Left    string `json:"left,omitempty"` // when it, or one before it, was left
			}
			shown.registered = a.registered(state, h)
			err = store.List(c.Context(), func(_ string, size int64) error {
				shown.Objects++
				shown.Bytes += size
				return nil
			})
			if err != nil {
				return err
			}
			if state.Left != nil {
				shown.Left = day(state.Left.Time)
			}
			return a.show(shown, func() error {
				a.say("Host %s (%s, %s) holds %s objects, %s.", name, shown.HostKind, shown.URL, count(shown.Objects), size(shown.Bytes))
				a.describe(shown.registered, h)
				if shown.Left != "" {
					a.say("A host was left on %s: what lay there then opens for nobody but the escrow.", shown.Left)
				}
				return nil
			})
		},
	}
}

// describe prints what the register says of a host.
func (a *app) describe(r registered, h *governance.Host) {
	line := func(label, text string) {
		if text != "" {
			a.say("  %-14s %s", label, text)
		}
	}
	line("standing", hostStanding(r))
	line("jurisdiction", r.Jurisdiction)
	line("operator", r.Operator)
	line("owner", r.Owner)
	for _, law := range r.Laws {
		line("law", law.Country+": "+law.Law)
	}
	for _, q := range r.Qualifications {
		line("qualification", fmt.Sprintf("%s %s until %s", q.Scheme, q.Version, q.Until))
	}
	line("contact", r.Contact)
	for _, v := range h.Versions {
		line("described", fmt.Sprintf("%s, statement %d", day(v.Time), v.Index))
	}
	if r.Derogation != nil {
		line("derogation", fmt.Sprintf("until %s: %s", day(r.Derogation.Until), r.Derogation.Reason))
		for _, condition := range r.Derogation.Conditions {
			line("condition", condition)
		}
	}
	if r.Warning != "" {
		a.say("%s", r.Warning)
	}
}
