package compat

import "testing"

func TestTimesAreTheSameAsTheyAreMeant(t *testing.T) {
	for _, test := range []struct {
		written, recorded string
		want              bool
	}{
		{"2022-01-01", "2022-01-01T00:00:00Z", true},
		{"2022-01-01 10:20:30", "2022-01-01T10:20:30Z", true},
		{"2022-01-01T10:20:30+02:00", "2022-01-01T08:20:30Z", true},
		{"2022-01-01T10:20:30.5Z", "2022-01-01T10:20:30.5Z", true},
		{"2022-01-02", "2022-01-01T00:00:00Z", false},
		{"2022", "2022-01-01T00:00:00Z", false},
		{"on 2022-01-01", "2022-01-01T00:00:00Z", false},
		{"2022-01-01", "2022-01-01", false},
		{"2022-99-01", "2022-01-01T00:00:00Z", false},
		{"", "", false},
	} {
		if got := SameTime(test.written, test.recorded); got != test.want {
			t.Errorf("%q and %q: got %t", test.written, test.recorded, got)
		}
	}
}
