package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
)

// phase is where a server stands in its life.
type phase int32

const (
	starting phase = iota
	serving
	draining
)

func (p phase) String() string {
	return [...]string{"starting", "serving", "draining"}[p]
}

// readiness is the phase as the outside sees it. Safe for concurrent use.
type readiness struct {
	phase atomic.Int32
	full  func() bool // whether the disk has no room for writes; nil: nothing is written here
}

// diskFull reports whether clients can read but not write.
func (r *readiness) diskFull() bool { return r.full != nil && r.full() }

// open makes a starting server a serving one; false if it is already draining.
func (r *readiness) open() bool { return r.phase.CompareAndSwap(int32(starting), int32(serving)) }

// close makes it a draining one, for good.
func (r *readiness) close() { r.phase.Store(int32(draining)) }

func (r *readiness) get() phase { return phase(r.phase.Load()) }

func (r *readiness) statusCode() int {
	if r.get() == serving {
		return http.StatusOK
	}
	return http.StatusServiceUnavailable
}

// ServeHTTP answers /readyz: 200 while new clients are welcome, otherwise 503; the body is the phase. Clients are welcome also
// while the disk is nearly full, since there is much that they can read; the body says so.
func (r *readiness) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(r.statusCode())
	if r.get() == serving && r.diskFull() {
		fmt.Fprintln(w, "serving reads only: the disk is nearly full")
		return
	}
	fmt.Fprintln(w, r.get())
}

// serveLive answers /healthz: 200 as long as the process can answer at all.
func serveLive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprintln(w, "ok")
}

// writeJSON writes v for a person with curl.
func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // the peer is gone: nobody to tell
}
