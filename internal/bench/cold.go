package bench

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// coldPages is how many pages are read of a cold server, of different rooms.
const coldPages = 300

// measureCold starts the server again, with nothing of its files in memory, and reads the first pages of it, one after another.
// A server that this program did not start it leaves alone.
func (p *play) measureCold() (Metrics, error) {
	if p.subject.restart == nil {
		return nil, nil
	}
	p.tell("starting again")
	if err := p.subject.restart(p.ctx); err != nil {
		return nil, err
	}
	cc, err := p.unaryConn()
	if err != nil {
		return nil, err
	}
	defer cc.Close()
	p.tell("reading cold")
	r := &pageReader{client: chatv1.NewMessageServiceClient(cc), rooms: newZipf(rand.Uint64(), p.cfg.Rooms)}
	r.measuring.Store(true)
	seen := make(map[uint64]bool)
	for len(seen) < min(coldPages, p.cfg.Rooms/4) {
		room := r.rooms.Uint64()
		if seen[room] {
			continue
		}
		seen[room] = true
		if err := r.read(p.ctx, room); err != nil {
			return nil, err
		}
	}
	p.faults.Lost += r.short
	p.faults.Reordered += r.disordered
	return Metrics{ColdPageP50: ms(r.latency.quantile(0.5)), ColdPageP99: ms(r.latency.quantile(0.99))}, p.ctx.Err()
}

// dropCaches makes the operating system forget the files below a directory.
func dropCaches(ctx context.Context, dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(dropFromCache(f), f.Close(), ctx.Err())
	})
}
