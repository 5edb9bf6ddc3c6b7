package governance

import "slices"

// Use is what health data may be used for, or may never be.
type Use struct {
	Name       string `json:"use"`
	Article    string `json:"article"` // of regulation (EU) 2025/327 (EHDS)
	Says       string `json:"says"`
	Prohibited bool   `json:"prohibited"`
	Public     bool   `json:"public"` // for public bodies alone
}

// Uses are the purposes of the European Health Data Space, allowed ones (article
// 53(1)) and prohibited ones (article 54), by the name that a request gives them.
// The policies say which are granted.
var Uses = map[string]Use{
	"public-health":       {"public-health", "53(1)(a)", "public or occupational health: threats, surveillance, quality and safety of care, medicines and devices", false, true},
	"policy-making":       {"policy-making", "53(1)(b)", "policy making and regulation by public bodies", false, true},
	"statistics":          {"statistics", "53(1)(c)", "official statistics", false, true},
	"education":           {"education", "53(1)(d)", "education or teaching in health or care", false, false},
	"scientific-research": {"scientific-research", "53(1)(e)", "scientific research that serves health, care or their assessment", false, false},
	"innovation":          {"innovation", "53(1)(e)(i)", "development and innovation of products and services for health", false, false},
	"algorithm-training":  {"algorithm-training", "53(1)(e)(ii)", "training, testing and evaluating algorithms, in devices and AI systems too", false, false},
	"care-improvement":    {"care-improvement", "53(1)(f)", "better care and treatment, on the data of other persons", false, false},

	"detrimental-decisions": {"detrimental-decisions", "54(a)", "decisions to the detriment of a person or a group because of their health data", true, false},
	"discrimination":        {"discrimination", "54(b)", "job offers, worse terms of goods, services, insurance or credit, or other discrimination", true, false},
	"marketing":             {"marketing", "54(c)", "advertising or marketing", true, false},
	"harmful-products":      {"harmful-products", "54(d)", "products or services that may harm: drugs, alcohol, tobacco, weapons, what makes addicted", true, false},
	"unethical-activities":  {"unethical-activities", "54(e)", "what the ethical rules of national law forbid", true, false},
}

// UseNames lists the uses in the order of the articles.
func UseNames() []string {
	var names []string
	for name := range Uses {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		x, y := Uses[a].Article, Uses[b].Article
		if x < y {
			return -1
		}
		return 1
	})
	return names
}
