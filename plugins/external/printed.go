package external

import (
	"sync"
	"time"
)

// printedWait is how long a printed line is held back. What a process prints and what its verbs say come on ways of their
// own: the word that a value is secret may come after the line that has it, though it was said before.
const printedWait = 500 * time.Millisecond

// printed are the lines that a process has printed and that are held back. It may be used by many goroutines.
type printed struct {
	// write gets the lines, in order, one at a time.
	write func(line string)

	mu    sync.Mutex
	timer *time.Timer
	// old are the lines that the timer's next stroke writes, fresh those that came since the last.
	old, fresh []string
}

func (p *printed) add(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fresh = append(p.fresh, line)
	if p.timer == nil {
		p.timer = time.AfterFunc(printedWait, p.stroke)
	}
}

func (p *printed) stroke() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer == nil {
		return // flush was faster
	}
	for _, line := range p.old {
		p.write(line)
	}
	p.old, p.fresh = p.fresh, nil
	if len(p.old) == 0 {
		p.timer = nil
		return
	}
	p.timer.Reset(printedWait)
}

// flush writes what is there: nothing more is said.
func (p *printed) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	for _, line := range p.old {
		p.write(line)
	}
	for _, line := range p.fresh {
		p.write(line)
	}
	p.old, p.fresh = nil, nil
}
