package plugins

// Hinted adds to an error what the user can do about it, for whoever shows it: the error then has a method Hint. Its text
// stays as it is. Of nil it makes nil.
func Hinted(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &hinted{err: err, hint: hint}
}

type hinted struct {
	err  error
	hint string
}

func (e *hinted) Error() string { return e.err.Error() }
func (e *hinted) Unwrap() error { return e.err }

// Hint says what the user can do about it.
func (e *hinted) Hint() string { return e.hint }
