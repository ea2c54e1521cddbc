package trace

import "time"

// SetTimeout sets how long Close waits.
func SetTimeout(t *Tracer, timeout time.Duration) { t.timeout = timeout }
