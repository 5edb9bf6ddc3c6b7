package mount

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Reading ends when a decision withdraws the right to read, within a second,
// and when the clock passes the end, also by a jump, within a second.
func TestWhyReadingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		closed := errors.New("the project was closed")
		withdrawn := Options{Allowed: func(context.Context) error {
			if time.Since(began) < 95*time.Second {
				return nil
			}
			return closed
		}}.filled()
		if why := withdrawn.wait(t.Context(), nil); why != closed.Error() || time.Since(began) > 95*time.Second+askEvery {
			t.Errorf("%q after %s", why, time.Since(began))
		}

		began = time.Now()
		until := began.Add(time.Hour)
		jumping := Options{Until: until, Now: func() time.Time { // set forward after a minute, and back
			switch now := time.Now(); now.Sub(began) {
			case time.Minute:
				return until
			default:
				return now
			}
		}}.filled()
		if why := jumping.wait(t.Context(), nil); why != "the right to read ended on "+until.UTC().Format(time.RFC3339) || time.Since(began) != time.Minute {
			t.Errorf("%q after %s", why, time.Since(began))
		}
	})
}
