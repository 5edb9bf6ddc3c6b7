package people

import "rempart.eu/rempart/governance"

// Elsewhere begins a session of a party in another browser, and returns what says
// whether it goes on.
func (s *Service) Elsewhere(party string, role governance.Role) (lasts func() bool) {
	value := s.sessions.begin(&Session{Party: party, Role: role, Method: "passkey", address: "192.0.2.1", agent: "elsewhere"})
	return func() bool { return s.sessions.find(value, true) != nil }
}
