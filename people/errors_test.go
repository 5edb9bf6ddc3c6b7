package people_test

import "errors"

func asError[T error](err error, to *T) bool { return errors.As(err, to) }
