package people

import (
	"encoding/json"
	"net/http"
)

// Problem is what a program is told instead of what it asked for (RFC 9457, as
// application/problem+json).
type Problem struct {
	Type   string `json:"type"`             // an address under which the kind of problem is explained
	Title  string `json:"title"`            // of the kind, in the language that was asked for
	Status int    `json:"status"`           // of HTTP
	Detail string `json:"detail,omitempty"` // what is wrong here
	Remedy string `json:"remedy,omitempty"` // what can be done
}

// ProblemType is where problems of a kind are explained.
func ProblemType(kind string) string { return "/api/v1/problems/" + kind }

// Write answers with the problem.
func (p Problem) Write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // whoever went away needs no answer
}
