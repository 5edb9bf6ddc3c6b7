package governance

import (
	"fmt"
	"slices"
	"time"
)

// Way is a change of the facts that turns a decision over.
type Way struct {
	If       []string `json:"if"` // all of these
	Decision Decision `json:"decision"`
}

// alternative is one fact that could be otherwise.
type alternative struct {
	says  string
	about string // alternatives about one thing are not combined
	apply func(*Facts)
}

// WhatWould lists what would turn the policies' decision over: each single fact
// that would, and where none does, each pair.
func (f *Facts) WhatWould() (ways []Way, err error) {
	now, err := f.Decide()
	if err != nil {
		return nil, err
	}
	others := f.alternatives()
	try := func(apply ...alternative) error {
		changed := f.clone()
		var says []string
		for _, a := range apply {
			a.apply(changed)
			says = append(says, a.says)
		}
		then, err := changed.Decide()
		if err == nil && then.Allowed != now.Allowed {
			ways = append(ways, Way{says, then})
		}
		return err
	}
	for _, a := range others {
		if err := try(a); err != nil {
			return nil, err
		}
	}
	if len(ways) > 0 || now.Allowed {
		return ways, nil
	}
	for i, a := range others {
		for _, b := range others[i+1:] {
			if a.about == b.about {
				continue
			}
			if err := try(a, b); err != nil {
				return nil, err
			}
		}
	}
	return ways, nil
}

func (f *Facts) clone() *Facts {
	c := *f
	if f.Project != nil {
		p := *f.Project
		p.Researchers = slices.Clone(p.Researchers)
		c.Project = &p
	}
	return &c
}

// alternatives are the facts that could be otherwise in this case.
func (f *Facts) alternatives() (all []alternative) {
	add := func(about, says string, apply func(*Facts)) {
		all = append(all, alternative{says, about, apply})
	}
	at := func(when time.Time, says string) {
		if !when.IsZero() && !when.Equal(f.Now) {
			add("time", fmt.Sprintf(says, when.UTC().Format(time.RFC3339)), func(f *Facts) { f.Now = when })
		}
	}
	if p := f.Project; p != nil {
		at(p.Starts, "it were done at %s, when the authorisation begins")
		at(p.Ends.Add(-time.Second), "it were done at %s, the last moment of the authorisation")
		at(p.Ends, "it were done at %s, when the authorisation has ended")
		if slices.Contains(p.Researchers, f.Actor) {
			add("researchers", f.Actor+" were no researcher of the project", func(f *Facts) {
				f.Project.Researchers = slices.DeleteFunc(f.Project.Researchers, func(name string) bool { return name == f.Actor })
			})
		} else {
			add("researchers", f.Actor+" were a researcher of the project", func(f *Facts) {
				f.Project.Researchers = append(f.Project.Researchers, f.Actor)
			})
		}
		for _, status := range []Status{Approved, Suspended, Closed} {
			if status != p.Status {
				add("status", "the project were "+string(status), func(f *Facts) { f.Project.Status = status })
			}
		}
		if p.Outdated {
			add("data", "the project were given its data anew", func(f *Facts) { f.Project.Outdated = false })
		}
		if p.HostDerogation == DerogationRefused {
			add("derogation", "the authorisation accepted a host by derogation", func(f *Facts) { f.Project.HostDerogation = DerogationAccepted })
		}
		if !f.Emergency {
			add("emergency", f.Actor+" had opened an emergency", func(f *Facts) { f.Emergency = true })
		}
	}
	if !f.DerogationEnds.IsZero() {
		at(f.DerogationEnds.Add(-time.Second), "it were done at %s, the last moment of the derogation")
		at(f.DerogationEnds, "it were done at %s, when the derogation has ended")
	}
	for _, role := range append(Roles(), Controller) {
		if role != f.Role {
			add("role", fmt.Sprintf("%s were %s", f.Actor, role.Article()), func(f *Facts) { f.Role = role })
		}
	}
	if !f.Left.IsZero() {
		add("left", f.Actor+" had not left", func(f *Facts) { f.Left = time.Time{} })
	}
	if f.Requester != "" {
		other := "somebody else had asked"
		if f.Requester != f.Actor {
			add("requester", f.Actor+" had asked for it", func(f *Facts) { f.Requester = f.Actor })
		} else {
			add("requester", other, func(f *Facts) { f.Requester = "" })
		}
	}
	if f.Output != "" {
		found := map[bool]string{true: "the disclosure check had found nothing that refuses", false: "the disclosure check had refused the output"}
		add("disclosure", found[f.Disclosive], func(f *Facts) { f.Disclosive = !f.Disclosive })
	}
	if f.Checker != "" && f.Checker != f.Actor {
		add("checker", f.Actor+" had taken the output", func(f *Facts) { f.Checker = f.Actor })
	}
	if f.OptOutsWait {
		add("opt-outs", "the linkage authority had resolved the opt-outs", func(f *Facts) { f.OptOutsWait = false })
	}
	if f.Use != "" && Uses[f.Use].Prohibited {
		add("use", "the use were scientific-research", func(f *Facts) { f.Use = "scientific-research" })
	}
	if !f.HostRegistered {
		add("host", "the host were in the register, under European law alone", func(f *Facts) { f.HostRegistered, f.HostReach = true, nil })
	} else {
		add("host", "the host were reached by European law alone", func(f *Facts) { f.HostReach = nil })
		add("host", "foreign law reached the host", func(f *Facts) { f.HostReach, f.DerogationEnds = []string{"US"}, time.Time{} })
	}
	if !f.Now.Before(f.DerogationEnds) {
		add("derogation", "a derogation were in force", func(f *Facts) { f.DerogationEnds = f.Now.AddDate(0, 0, 1) })
	}
	return all
}
