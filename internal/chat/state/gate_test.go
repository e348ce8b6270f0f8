package state_test

import (
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// gate is a file system whose syncs of the WAL can be held up and made to fail.
type gate struct {
	vfs.FS
	armed   atomic.Bool
	reached chan struct{} // one for each sync that is held up
	proceed chan error    // with what it then returns
}

func newGate(fs vfs.FS) *gate {
	g := &gate{reached: make(chan struct{}), proceed: make(chan error)}
	g.FS = errorfs.Wrap(fs, errorfs.InjectorFunc(g.hold))
	return g
}

func (g *gate) hold(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		if g.armed.Load() && strings.HasSuffix(op.Path, ".log") {
			g.reached <- struct{}{}
			return <-g.proceed
		}
	}
	return nil
}
