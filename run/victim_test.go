package run_test

func victim() (int, bool) { return 0, false }
