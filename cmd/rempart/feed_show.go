package main

import (
	"strings"

	"github.com/spf13/cobra"

	"rempart.eu/rempart/intake"
)

// What feed show says of a feed, for people and programs.
type (
	shownFeed struct {
		Name      string          `json:"name"`
		Title     string          `json:"title"`
		Version   string          `json:"version"`
		Resources []shownResource `json:"resources"`
	}
	shownResource struct {
		Name      string       `json:"name"`
		Title     string       `json:"title,omitempty"`
		File      string       `json:"file"` // its name, or the expression that its files' names match
		Several   bool         `json:"several,omitempty"`
		Format    string       `json:"format"`
		Encoding  string       `json:"encoding"`
		Optional  bool         `json:"optional,omitempty"`
		Identity  bool         `json:"identity,omitempty"`
		Threshold float64      `json:"threshold"`
		Keys      []shownKey   `json:"keys,omitempty"`
		Aliases   [][]string   `json:"aliases,omitempty"`
		Person    *shownLookup `json:"person,omitempty"`
		Fields    []shownField `json:"fields"`
	}
	shownKey struct {
		Name   string   `json:"name"`
		Fields []string `json:"fields"`
		Domain string   `json:"domain"`
	}
	shownLookup struct {
		Fields []string `json:"fields"`
		Alias  []string `json:"alias"`
	}
	shownField struct {
		Name         string `json:"name"`
		Type         string `json:"type"`
		Role         string `json:"role"`
		Trait        string `json:"trait,omitempty"`
		Domain       string `json:"domain,omitempty"`
		Generalise   string `json:"generalise,omitempty"`
		Required     bool   `json:"required,omitempty"`
		From         string `json:"from,omitempty"`
		Text         bool   `json:"text,omitempty"`
		Shift        bool   `json:"shift,omitempty"`
		Unit         string `json:"unit,omitempty"`
		Nomenclature string `json:"nomenclature,omitempty"`
	}
)

func (a *app) feedShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show FEED",
		Short: "Show what a feed takes from each column, and where it goes",
		Long: `Shows a feed's resources and fields: type, role, identity trait, unit and
nomenclature; whether a text is searched for what identifies somebody, and
whether projects see a date shifted; further the composite keys, and under which
other keys persons are known.`,
		Example: "  rempart feed show hospital\n  rempart feed show hospital --json",
		Args:    exactly(1),
		RunE: func(_ *cobra.Command, args []string) error {
			w, err := a.open()
			if err != nil {
				return err
			}
			folder, _, err := w.Feed(args[0])
			if err != nil {
				return err
			}
			feed, err := intake.LoadFeed(folder)
			if err != nil {
				return err
			}
			shown := shownFeed{Name: feed.Name, Title: feed.Title, Version: feed.Version}
			for _, r := range feed.Resources {
				shown.Resources = append(shown.Resources, showResource(r))
			}
			return a.show(shown, func() error { return a.printFeed(shown) })
		},
	}
}

func showResource(r intake.Resource) shownResource {
	s := shownResource{
		Name: r.Name, Title: r.Title, File: r.File(), Several: r.Files != "", Format: string(r.Format), Encoding: string(r.Encoding),
		Optional: r.Optional, Identity: r.Identity, Threshold: r.Threshold, Aliases: r.Aliases,
	}
	for _, k := range r.Keys {
		s.Keys = append(s.Keys, shownKey(k))
	}
	if r.PersonBy != nil {
		s.Person = &shownLookup{r.PersonBy.Fields, r.PersonBy.Alias}
	}
	for _, f := range r.Fields {
		s.Fields = append(s.Fields, shownField{
			f.Name, f.Type, string(f.Role), f.Trait, f.Domain, f.Generalise, f.Required, f.From, f.Text, f.Shift, f.Unit, f.Nomenclature,
		})
	}
	return s
}

func (a *app) printFeed(feed shownFeed) error {
	a.say("Feed %s, version %s: %s", feed.Name, feed.Version, feed.Title)
	for _, r := range feed.Resources {
		a.say("")
		a.say("%s, from %s%s", r.Name, r.File, map[bool]string{true: ", optional"}[r.Optional])
		for _, k := range r.Keys {
			a.say("  key %s: %s, in the key space %s", k.Name, strings.Join(k.Fields, ", "), k.Domain)
		}
		for _, alias := range r.Aliases {
			a.say("  persons are also known by %s", strings.Join(alias, ", "))
		}
		if r.Person != nil {
			a.say("  persons are found by %s, their %s", strings.Join(r.Person.Fields, ", "), strings.Join(r.Person.Alias, ", "))
		}
		var rows [][]string
		for _, f := range r.Fields {
			rows = append(rows, []string{"  " + f.Name, f.Type, f.Role, f.notes()})
		}
		if err := a.table([]string{"  field", "type", "role", "notes"}, rows); err != nil {
			return err
		}
	}
	return nil
}

// notes is all that is special about a field.
func (f shownField) notes() string {
	var notes []string
	note := func(is bool, text string) {
		if is {
			notes = append(notes, text)
		}
	}
	note(f.Required, "required")
	note(f.Trait != "", "trait "+f.Trait)
	note(f.Domain != "", "key space "+f.Domain)
	note(f.Generalise != "", "by "+f.Generalise)
	note(f.From != "", "from the file's name: "+f.From)
	note(f.Text, "free text")
	note(f.Shift, "shifted")
	note(f.Unit != "", "in "+f.Unit)
	note(f.Nomenclature != "", "codes of "+f.Nomenclature)
	return strings.Join(notes, ", ")
}
