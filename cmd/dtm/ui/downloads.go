package ui

import (
	"fmt"
	"io"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Downloads shows how far downloads are: bars on a terminal, and elsewhere nothing, for what was fetched is said when it is
// done. Its methods may be called by many goroutines.
type Downloads struct {
	group *mpb.Progress

	mu   sync.Mutex
	bars map[string]*mpb.Bar
}

// NewDownloads draws on w if live says that it is a terminal that can be drawn on. The caller closes it.
func NewDownloads(w io.Writer, live bool) *Downloads {
	d := &Downloads{bars: map[string]*mpb.Bar{}}
	if live {
		d.group = mpb.New(mpb.WithOutput(w), mpb.WithRefreshRate(refreshRate), mpb.WithAutoRefresh(), mpb.WithWidth(40))
	}
	return d
}

// Update says that done of total bytes are here; total is 0 where nobody knows.
func (d *Downloads) Update(name string, done, total int64) {
	if d.group == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	bar := d.bars[name]
	if bar == nil {
		bar = d.group.New(total,
			mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
			mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string { return amount(s.Current, s.Total) })))
		d.bars[name] = bar
	}
	bar.SetTotal(total, false)
	bar.SetCurrent(done)
	if total > 0 && done >= total {
		bar.SetTotal(total, true)
	}
}

// amount is how much of what is here.
func amount(done, total int64) string {
	if total <= 0 {
		return fmt.Sprintf("%.1f MiB", float64(done)/(1<<20))
	}
	return fmt.Sprintf("%.1f of %.1f MiB", float64(done)/(1<<20), float64(total)/(1<<20))
}

// Close ends the drawing. What is not complete stays as it is.
func (d *Downloads) Close() {
	if d.group == nil {
		return
	}
	d.mu.Lock()
	for _, bar := range d.bars {
		if !bar.Completed() {
			bar.Abort(false)
		}
	}
	d.mu.Unlock()
	d.group.Wait()
}
