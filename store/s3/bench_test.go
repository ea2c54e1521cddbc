package s3_test

import (
	"testing"
	"time"

	"github.com/devstream-io/dtm/store/s3"
)

// BenchmarkApplyLatency is an apply of a thousand tools, two records each, ten at a time, to a server that takes 20 ms for
// a request. The ideal is that each group has the records of all ten: 200 writes one after the other, and what a session
// costs at its beginning and end.
func BenchmarkApplyLatency(b *testing.B) {
	const latency = 20 * time.Millisecond
	f := newServer(b).front(b)
	f.latency = latency
	for b.Loop() {
		b.StopTimer()
		s := f.store(b, b.Name()+time.Now().String(), s3.Tuning{})
		f.failing(nil)
		b.StartTimer()
		began := time.Now()
		applyThousand(b, s)
		took := time.Since(began)
		// Lock, head, the journal's end and the lock of before, two probes, head; the first record; head and lock.
		const fixed = 10
		ideal := (200 + fixed) * latency
		b.ReportMetric(float64(took)/float64(ideal), "x-ideal")
		b.ReportMetric(float64(count(f, "PUT ")), "writes")
	}
}
