package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// playEcho sends one message at a time and waits until it has come back as an event. Beside it stands what one fdatasync
// of 300 bytes takes on the same disk, measured right before and after: whoever stores a message cannot be faster.
func playEcho(p *play) (Metrics, error) {
	f, err := p.openFleet()
	if err != nil {
		return nil, err
	}
	syncs, err := syncTimes(p.cfg.TempDir)
	if err != nil {
		return nil, errors.Join(err, p.finish(f))
	}
	m, err := p.measureEcho(f)
	if err := errors.Join(err, p.finish(f)); err != nil {
		return nil, err
	}
	after, err := syncTimes(p.cfg.TempDir)
	if err != nil {
		return nil, err
	}
	syncs.merge(after)
	m[FsyncP50] = ms(syncs.quantile(0.5))
	f.latencies().describe(m)
	return m, nil
}

func (p *play) measureEcho(f *fleet) (Metrics, error) {
	ctx, stop := context.WithCancel(p.ctx)
	defer stop()
	c := f.clients[0]
	back := make(chan struct{}, 1)
	told := func() {
		select {
		case back <- struct{}{}:
		default:
		}
	}
	c.onPosted.Store(&told)
	ended := make(chan error, 1)
	go func() { // ends with ctx or the connection, awaited below
		for ctx.Err() == nil {
			if err := f.publish(0, p.cfg.MessageBytes); err != nil {
				ended <- err
				return
			}
			select {
			case <-back:
			case <-ctx.Done():
			}
		}
		ended <- nil
	}()
	m, err := p.measure(f)
	stop()
	return m, errors.Join(err, <-ended)
}

// syncTimes appends 300 bytes to a file again and again for half a second, with fdatasync after each.
func syncTimes(dir string) (*histogram, error) {
	dir, err := os.MkdirTemp(dir, "rialto-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	f, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := new(histogram)
	block := make([]byte, 300)
	for until := time.Now().Add(500 * time.Millisecond); time.Now().Before(until); {
		if _, err := f.Write(block); err != nil {
			return nil, err
		}
		start := time.Now()
		if err := datasync(f); err != nil {
			return nil, err
		}
		h.add(time.Since(start))
	}
	return h, nil
}
