package words

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

var place = regexp.MustCompile(`\{[a-z_]+\}`)

// Check says what is wrong with a catalogue: a text that one language lacks, places
// that only one has, a plain apostrophe in French. It is for tests.
func Check(catalogue string) (faults []string) {
	fault := func(format string, values ...any) { faults = append(faults, fmt.Sprintf(format, values...)) }
	var groups map[string]map[string]map[string]string
	if _, err := toml.Decode(catalogue, &groups); err != nil {
		return []string{err.Error()}
	}
	places := func(text string) []string {
		found := place.FindAllString(text, -1)
		slices.Sort(found)
		return found
	}
	for group, names := range groups {
		for name, texts := range names {
			for language := range texts {
				if !slices.Contains([]string{"en", "fr", "en_one", "fr_one"}, language) {
					fault("%s.%s: %q is no language", group, name, language)
				}
			}
			if texts["en"] == "" || texts["fr"] == "" {
				fault("%s.%s is not in both languages", group, name)
			}
			if !slices.Equal(places(texts["en"]), places(texts["fr"])) {
				fault("%s.%s: the languages have other places", group, name)
			}
			if strings.Contains(texts["fr"]+texts["fr_one"], "'") {
				fault("%s.%s: want the typographic apostrophe in %q", group, name, texts["fr"])
			}
		}
	}
	return faults
}
