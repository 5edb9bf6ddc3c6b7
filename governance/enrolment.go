package governance

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"rempart.eu/rempart/ledger"
)

// applyPeople takes in statements about people.
func (s *State) applyPeople(made Made, body ledger.Body) (known bool, err error) {
	switch b := body.(type) {
	case *ledger.EnrolmentOpened:
		return true, s.openEnrolment(made, b)
	case *ledger.PasskeyRegistered:
		return true, s.registerPasskey(made, b)
	case *ledger.PasskeyRemoved:
		return true, s.removePasskey(made, b)
	case *ledger.LoginLinked:
		return true, s.linkLogin(b)
	case *ledger.LoginUnlinked:
		return true, s.unlinkLogin(b)
	case *ledger.SigningRulesSet:
		return true, s.setRules(b)
	case *ledger.Countersigned:
		return true, s.countersign(made, b)
	case *ledger.StepOrdered:
		return true, s.takeOrder(made, b)
	case *ledger.TokenIssued:
		return true, s.issueToken(made, b)
	case *ledger.TokenRevoked:
		return true, s.revokeToken(made, b)
	}
	return false, nil
}

var digest = regexp.MustCompile(`^[0-9a-f]{64}$`)

// label says whether a name is one that can be shown: short, on one line.
func label(text string) bool {
	return strings.TrimSpace(text) != "" && len(text) <= maxLabel && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// within says whether an end is in the future, and no farther than a limit.
func within(made Made, until time.Time, limit time.Duration) bool {
	return until.After(made.Time) && !until.After(made.Time.Add(limit))
}

func (s *State) openEnrolment(made Made, b *ledger.EnrolmentOpened) error {
	_, taken := s.People.Enrolments[b.Code]
	switch {
	case s.Parties[b.Party].Name == "":
		return refuse("See who is known: rempart party list", "%q is no party of this warehouse", b.Party)
	case !digest.MatchString(string(b.Code)) || taken:
		return refuse("Draw another code", "the code is none, or was used before")
	case !within(made, b.Until, MaxEnrolment):
		return refuse("Give a nearer day: --for", "an enrolment lasts 7 days at most")
	}
	s.People.Enrolments[b.Code] = &Enrolment{Made: made, EnrolmentOpened: *b}
	return nil
}

func (s *State) registerPasskey(made Made, b *ledger.PasskeyRegistered) error {
	enrolment := s.People.Enrolments[ledger.Sum([]byte(b.Code))]
	_, taken := s.People.Passkeys[b.KeyID()]
	switch {
	case enrolment == nil || enrolment.Party != made.Actor:
		return refuse("Ask the controller for a code: rempart people enrol", "this is no code that %s was given", made.Actor)
	case enrolment.Spent != nil:
		return refuse("Ask for a new one: rempart people enrol", "the code was used on %s already", enrolment.Spent.Time.Format(time.DateOnly))
	case !enrolment.Open(made.Time):
		return refuse("Ask for a new one: rempart people enrol", "the code ended on %s", enrolment.Until.Format(time.RFC3339))
	case taken:
		return refuse("Use another one", "this passkey is registered already")
	case !label(b.Name):
		return refuse("", "a passkey needs a name of at most %d characters, on one line", maxLabel)
	case len(s.PasskeysOf(made.Actor)) >= maxPasskeys:
		return refuse("Remove one: rempart people remove", "%s has %d passkeys already", made.Actor, maxPasskeys)
	}
	if err := b.Check(); err != nil {
		return err
	}
	enrolment.Spent, s.People.held[made.Actor] = &made, true
	s.People.Passkeys[b.KeyID()] = &Passkey{Made: made, PasskeyRegistered: *b, Party: made.Actor}
	return nil
}

func (s *State) removePasskey(made Made, b *ledger.PasskeyRemoved) error {
	k, ok := s.People.Passkeys[ledger.Passkey{Credential: b.Credential}.KeyID()]
	if !ok || k.Party != b.Party || k.Removed != nil {
		return refuse("See which there are: rempart people list", "%s has no such passkey", b.Party)
	}
	if strings.TrimSpace(b.Reason) == "" {
		return refuse("Give one: --reason", "to remove a passkey needs a reason")
	}
	k.Removed = &made
	return nil
}

func (s *State) linkLogin(b *ledger.LoginLinked) error {
	issuer, err := url.Parse(b.Issuer)
	login := Login{b.Issuer, b.Subject}
	other, taken := s.People.Logins[login]
	switch {
	case s.Parties[b.Party].Name == "":
		return refuse("See who is known: rempart party list", "%q is no party of this warehouse", b.Party)
	case err != nil || issuer.Host == "" || issuer.Scheme != "https" && issuer.Hostname() != "localhost" && issuer.Hostname() != "127.0.0.1":
		return refuse("", "%q is no issuer of OpenID Connect: want an https address", b.Issuer)
	case b.Subject == "" || len(b.Subject) > 255: // OpenID Connect Core, section 2
		return refuse("", "a subject has 1 to 255 characters")
	case taken:
		return refuse("Unlink it first: rempart people unlink", "this subject is %s already", other)
	}
	s.People.Logins[login] = b.Party
	return nil
}

func (s *State) unlinkLogin(b *ledger.LoginUnlinked) error {
	login := Login{b.Issuer, b.Subject}
	if _, ok := s.People.Logins[login]; !ok {
		return refuse("See which there are: rempart people list", "this subject is nobody here")
	}
	delete(s.People.Logins, login)
	return nil
}

func (s *State) setRules(b *ledger.SigningRulesSet) error {
	if err := checkRules(b); err != nil {
		return err
	}
	s.People.Rules = *b
	return nil
}

func checkRules(b *ledger.SigningRulesSet) error {
	if b.Passkeys != OnceRegistered && b.Passkeys != Required {
		return refuse("", "passkeys are %q: want %s or %s", b.Passkeys, OnceRegistered, Required)
	}
	if strings.TrimSpace(b.Reason) == "" {
		return refuse("Give one: --reason", "to change how people sign needs a reason")
	}
	for kind, roles := range b.TwoPersons {
		if !slices.Contains(Countersignable(), kind) {
			return refuse("", "a statement %q cannot wait for a second person: only %s", kind, strings.Join(Countersignable(), ", "))
		}
		for _, role := range roles {
			if Role(role) != Controller && !slices.Contains(Roles(), Role(role)) {
				return refuse("", "there is no role %q", role)
			}
		}
		if len(roles) == 0 {
			return refuse("", "of which role is the second person for %s?", kind)
		}
	}
	return nil
}

func (s *State) takeOrder(made Made, b *ledger.StepOrdered) error {
	host, err := s.HostByName(b.Host)
	switch {
	case b.Step != (ledger.HostMigrated{}).Kind() && b.Step != (ledger.HostLeft{}).Kind() && b.Step != (ledger.HostErased{}).Kind():
		return refuse("", "a step %q is not ordered: only host-migrated, host-left and host-erased", b.Step)
	case err != nil:
		return err
	case b.Step == (ledger.HostMigrated{}).Kind() && host.Host == s.Host:
		return refuse("See where it is: rempart host list", "the warehouse lies with host %s already", s.Host)
	case !within(made, b.Until, MaxOrder):
		return refuse("Give a nearer day", "an order lasts 30 days at most")
	case strings.TrimSpace(b.Reason) == "":
		return refuse("Give one: --reason", "an order needs a reason")
	}
	s.People.Orders = append(s.People.Orders, Order{Made: made, StepOrdered: *b})
	return nil
}

// order finds the order that a step can be taken under.
func (s *State) order(now time.Time, body ledger.Body) *Order {
	var host string
	switch b := body.(type) {
	case *ledger.HostMigrated:
		host = b.To
	case *ledger.HostLeft:
		host = b.Host
	case *ledger.HostErased:
		host = b.Host
	default:
		return nil
	}
	for i := range s.People.Orders {
		if o := &s.People.Orders[i]; !o.Done && o.Step == body.Kind() && o.Host == host && now.Before(o.Until) {
			return o
		}
	}
	return nil
}

// fulfil ends the order that a step was taken under.
func (s *State) fulfil(made Made, body ledger.Body) {
	if o := s.order(made.Time, body); o != nil {
		o.Done = true
	}
}

// Scopes are what a token can be good for, and which roles can give that.
var Scopes = map[string][]Role{
	"read":    nil, // what its owner may see in the portal; every role
	"decide":  nil, // hand in decisions that their owner has signed; every role
	"request": {Researcher},
	"ask":     {Researcher},
}

var tokenID = regexp.MustCompile(`^t-[0-9a-f]{16}$`)

func (s *State) issueToken(made Made, b *ledger.TokenIssued) error {
	_, taken := s.People.Tokens[b.Token]
	switch {
	case !tokenID.MatchString(b.Token) || taken:
		return refuse("Draw another one", "%q is no id of a token, or is taken", b.Token)
	case !digest.MatchString(string(b.Secret)):
		return refuse("", "the token has no secret")
	case !label(b.Name):
		return refuse("", "a token needs a name of at most %d characters, on one line", maxLabel)
	case !within(made, b.Until, MaxToken):
		return refuse("Give a nearer end: --for", "a token lasts 7 days at most")
	case len(b.Scopes) == 0:
		return refuse("Give one: --scope", "a token without a scope is good for nothing")
	}
	for _, scope := range b.Scopes {
		roles, ok := Scopes[scope]
		if !ok || roles != nil && !slices.Contains(roles, s.Parties[made.Actor].Role) {
			return refuse("", "%s is %s, who cannot give a token the scope %q", made.Actor, s.Parties[made.Actor].Role.Article(), scope)
		}
	}
	for _, name := range b.Projects {
		project, err := s.Project(name)
		if err != nil {
			return err
		}
		if s.Parties[made.Actor].Role == Researcher && !slices.Contains(project.Spec.Researchers, made.Actor) {
			return refuse("", "%s is no researcher of project %s", made.Actor, name)
		}
	}
	s.People.Tokens[b.Token] = &Token{Made: made, TokenIssued: *b}
	return nil
}

func (s *State) revokeToken(made Made, b *ledger.TokenRevoked) error {
	token, ok := s.People.Tokens[b.Token]
	if !ok || token.Revoked != nil {
		return refuse("See which there are: rempart token list", "there is no token %q, or it was revoked", b.Token)
	}
	token.Revoked = &made
	return nil
}
