package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// fleet is the clients of one run: those of room 0, those of room 1, ….
type fleet struct {
	clients   []*client
	rooms     int
	measuring atomic.Bool
	published []atomic.Uint64 // by room: begun
	next      atomic.Uint64   // number of the next publish
}

// connecting is how many handshakes run at a time.
const connecting = 32

// sampleEvery is which clients' latencies are taken: each so-manieth.
const sampleEvery = 8

// openFleet connects perRoom clients to each of so many rooms, numbered from first. The progress is told as it goes.
func openFleet(
	ctx context.Context, dial dialer, first, rooms, perRoom int, tell func(done, of int),
) (*fleet, error) {
	f := &fleet{clients: make([]*client, rooms*perRoom), rooms: rooms, published: make([]atomic.Uint64, rooms)}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(connecting)
	var done atomic.Int64
	for i := range f.clients {
		c := &client{index: i, room: roomID(first + i/perRoom), measuring: &f.measuring}
		if i%sampleEvery == 0 {
			c.latency = new(histogram)
		}
		f.clients[i] = c
		group.Go(func() error {
			if err := c.open(ctx, dial, nil); err != nil {
				return fmt.Errorf("client %d: %w", i, err)
			}
			tell(int(done.Add(1)), len(f.clients))
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

func roomID(n int) string { return fmt.Sprintf("bench-%d", n) }

// close ends all sessions; the error is the first broken promise.
func (f *fleet) close() error {
	var errs []error
	group := new(errgroup.Group)
	group.SetLimit(connecting)
	results := make([]error, len(f.clients))
	for i, c := range f.clients {
		if c == nil || c.conn == nil {
			continue
		}
		group.Go(func() error { results[i] = c.close(); return nil })
	}
	_ = group.Wait()
	for i, err := range results {
		if err != nil {
			errs = append(errs, fmt.Errorf("client %d: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

func (f *fleet) perRoom() int { return len(f.clients) / f.rooms }

// publish sends the next message from the client at index i.
func (f *fleet) publish(i, size int) error {
	n := f.next.Add(1)
	f.published[i/f.perRoom()].Add(1)
	return f.clients[i].publish(fmt.Sprintf("b-%d", n), size)
}

func (f *fleet) deliveries() (n uint64) {
	for _, c := range f.clients {
		n += c.deliveries.Load()
	}
	return n
}

func (f *fleet) acks() (n uint64) {
	for _, c := range f.clients {
		n += c.acks.Load()
	}
	return n
}

// undelivered is how many messages of a room its slowest client has not seen.
func (f *fleet) undelivered(room int) uint64 {
	least := ^uint64(0)
	for _, c := range f.clients[room*f.perRoom() : (room+1)*f.perRoom()] {
		least = min(least, c.deliveries.Load())
	}
	return f.published[room].Load() - min(least, f.published[room].Load())
}

// settle waits until every client has seen every message, or until ctx ends; the count of what is missing then is that
// of faults.
func (f *fleet) settle(ctx context.Context) {
	for tick := time.Tick(5 * time.Millisecond); ; {
		if f.missing() == 0 {
			return
		}
		select {
		case <-tick:
		case <-ctx.Done():
			return
		}
	}
}

func (f *fleet) missing() (n uint64) {
	for i, c := range f.clients {
		want := f.published[i/f.perRoom()].Load()
		n += want - min(c.deliveries.Load(), want)
	}
	return n
}

// faults counts what was not delivered once and in order to everybody. Call it when all is closed.
func (f *fleet) faults() Faults {
	t := Faults{Lost: f.missing()}
	for i, c := range f.clients {
		t.Duplicated += c.duplicated
		t.Reordered += c.reordered
		t.Refused += c.refused
		if first := f.clients[i-i%f.perRoom()]; c.order != first.order && c.deliveries.Load() == first.deliveries.Load() {
			t.Reordered++
		}
	}
	return t
}

// latencies are those of the sampled clients. Call it when all is closed.
func (f *fleet) latencies() *histogram {
	all := new(histogram)
	for _, c := range f.clients {
		if c.latency != nil {
			all.merge(c.latency)
		}
	}
	return all
}
