package external

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatAProcessPrintsIsHeardInLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for _, c := range []struct {
		writes []string
		want   []string
	}{
		{[]string{"one\ntwo\n"}, []string{"one\n", "two\n"}},
		{[]string{"o", "ne\ntw", "o"}, []string{"one\n", "two"}},
		{[]string{"\n\n"}, []string{"\n", "\n"}},
		{[]string{"", "one\r\n"}, []string{"one\r\n"}},
		{[]string{long + "y\n"}, []string{long, "y\n"}},
		{[]string{"y" + long}, []string{"y" + long[1:], "x"}},
	} {
		var got []string
		l := lines{to: func(line string) { got = append(got, line) }}
		for _, w := range c.writes {
			if n, err := l.Write([]byte(w)); n != len(w) || err != nil {
				t.Errorf("wrote %d of %d bytes, %v", n, len(w), err)
			}
		}
		l.flush()
		if !slices.Equal(got, c.want) {
			t.Errorf("of %.40q: %.40q, want %.40q", c.writes, got, c.want)
		}
	}
}

func TestTheLastLinesTellHowACrashBegan(t *testing.T) {
	o := output{hear: func(string) {}}
	if o.last() != "" {
		t.Errorf("of nothing: %q", o.last())
	}
	for i := range 100 {
		o.line(fmt.Sprintf("line %d\n", i))
		o.line("\n")
	}
	if got, want := o.last(), "line 92\nline 93\nline 94\nline 95\nline 96\nline 97\nline 98\nline 99"; got != want {
		t.Errorf("the last lines are %q", got)
	}
	o.line("panic: out of hand")
	for i := range 100 {
		o.line(fmt.Sprintf("frame %d", i))
	}
	if got := o.last(); !strings.HasPrefix(got, "panic: out of hand\nframe 0\n") || strings.Count(got, "\n") != shownLines-1 {
		t.Errorf("the last lines are %q", got)
	}
}

func TestAPrintedLineIsHeldBackUntilItsSecretsAreKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var written []string
		began := time.Now()
		p := printed{write: func(line string) { written = append(written, fmt.Sprint(line, " ", time.Since(began))) }}
		p.add("one")
		<-time.After(printedWait + printedWait/2)
		p.add("two")
		<-time.After(3 * printedWait)
		p.add("three")
		synctest.Wait()
		p.flush()
		<-time.After(3 * printedWait)
		want := []string{"one 1s", "two 1.5s", "three 2.25s"}
		if !slices.Equal(written, want) {
			t.Errorf("written %q, want %q", written, want)
		}
	})
}
