package feeds_test

import (
	"io/fs"
	"testing"

	"rempart.eu/rempart/feeds"
	"rempart.eu/rempart/intake"
)

func TestEveryFeedIsGood(t *testing.T) {
	names := feeds.Names()
	if len(names) == 0 {
		t.Fatal("no feed is embedded")
	}
	for _, name := range names {
		folder, err := fs.Sub(feeds.FS(), name)
		if err != nil {
			t.Fatal(err)
		}
		feed, err := intake.LoadFeed(folder)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if feed.Name != name {
			t.Errorf("the feed in folder %s calls itself %s", name, feed.Name)
		}
		if mappings, err := fs.Glob(folder, "map/*.sql"); err != nil || len(mappings) == 0 {
			t.Errorf("%s has no mapping (%v)", name, err)
		}
	}
}
