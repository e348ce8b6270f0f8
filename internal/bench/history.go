package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// The shape of the history scenario.
const (
	loaders       = 16  // sessions that publish
	loaderWindow  = 256 // publishes of each without an answer
	pageReaders   = 4   // read one page after another
	pageSize      = 50
	zipfS, zipfV  = 1.2, 8 // a few rooms have much of everything
	preloadReport = 10_000
)

// playHistory stores messages in rooms of very different sizes, starts the server again and reads pages of it while it is cold,
// and then reads newest pages of rooms chosen likewise while others go on publishing. Plain mode has no unary calls on an open socket, so that there pages go over multiplexed mode.
func playHistory(p *play) (Metrics, error) {
	l, err := openLoaders(p, "before")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(l.preload(p.cfg.Preload), l.close()); err != nil {
		return nil, err
	}
	cold, err := p.measureCold()
	if err != nil {
		return nil, err
	}
	if l, err = openLoaders(p, "during"); err != nil {
		return nil, err
	}
	m, err := p.measureHistory(l)
	if err := errors.Join(err, l.close()); err != nil {
		return nil, err
	}
	maps.Copy(m, cold)
	return m, nil
}

func (p *play) measureHistory(l *loaderPool) (Metrics, error) {
	ctx, stop := context.WithCancel(p.ctx)
	group, ctx := errgroup.WithContext(ctx)
	defer func() { // also after an error, which says more than what comes of it here
		stop()
		_ = group.Wait()
	}()
	if p.cfg.Rate > 0 {
		group.Go(func() error { return pace(ctx, p.cfg.Rate, func(int) error { return l.publish(ctx) }) })
	}
	readers := make([]*pageReader, pageReaders)
	for i := range readers {
		cc, err := p.unaryConn()
		if err != nil {
			return nil, err
		}
		defer cc.Close()
		readers[i] = &pageReader{
			client: chatv1.NewMessageServiceClient(cc), rooms: newZipf(rand.Uint64(), p.cfg.Rooms),
		}
		group.Go(func() error { return readers[i].run(ctx) })
	}
	if err := p.hold(p.cfg.Warmup); err != nil {
		return nil, err
	}
	p.tell("measuring")
	stopMeter, err := p.startMeter()
	if err != nil {
		return nil, err
	}
	acks := l.acks.Load()
	measure := func(on bool) {
		for _, r := range readers {
			r.measuring.Store(on)
		}
	}
	measure(true)
	if err := p.hold(p.cfg.Duration); err != nil {
		return nil, err
	}
	measure(false)
	acks = l.acks.Load() - acks
	c, err := stopMeter()
	stop()
	if err := errors.Join(err, group.Wait()); err != nil {
		return nil, err
	}
	m := c.metrics(0)
	var all histogram
	for _, r := range readers {
		all.merge(&r.latency)
		p.faults.Lost += r.short
		p.faults.Reordered += r.disordered
	}
	m[AcksPerSecond] = float64(acks) / c.wall.Seconds()
	m[PagesPerSecond] = float64(all.total) / c.wall.Seconds()
	m[PageP50], m[PageP99] = ms(all.quantile(0.5)), ms(all.quantile(0.99))
	rss, err := p.serverRSS()
	m[ServerRSS] = float64(rss) / (1 << 20)
	return m, err
}

// unaryConn is a connection for unary calls.
func (p *play) unaryConn() (interface {
	grpc.ClientConnInterface
	Close() error
}, error) {
	switch p.cfg.Wire {
	case GRPC:
		return grpc.NewClient("passthrough:///"+p.subject.at.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	case TLS:
		return bridge.Dial("wss://"+p.subject.at.HTTP, bridge.WithTLSConfig(unchecked()))
	}
	return bridge.Dial("ws://" + p.subject.at.HTTP)
}

func newZipf(seed uint64, rooms int) *rand.Zipf {
	return rand.NewZipf(rand.New(rand.NewPCG(seed, 0)), zipfS, zipfV, uint64(rooms-1))
}

// pageReader reads one page after another.
type pageReader struct {
	client    chatv1.MessageServiceClient
	rooms     *rand.Zipf
	measuring atomic.Bool

	latency           histogram
	short, disordered uint64 // pages that had not all, or not in order
}

func (r *pageReader) run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := r.read(ctx, r.rooms.Uint64()); err != nil {
			return err
		}
	}
	return nil
}

// read reads the newest page of a room; a context that ends is no error.
func (r *pageReader) read(ctx context.Context, room uint64) error {
	start := time.Now()
	page, err := r.client.ListMessages(ctx, &chatv1.ListMessagesRequest{Room: roomID(int(room)), PageSize: pageSize})
	switch {
	case ctx.Err() != nil:
		return nil
	case status.Code(err) == codes.NotFound:
		// Nobody has said anything there yet.
	case err != nil:
		return fmt.Errorf("page: %w", err)
	}
	if r.measuring.Load() {
		r.latency.add(time.Since(start))
	}
	r.check(page)
	return nil
}

// check holds a newest page against its own head.
func (r *pageReader) check(page *chatv1.ListMessagesResponse) {
	messages, head := page.GetMessages(), page.GetRoom().GetHeadSeq()
	if uint64(len(messages)) != min(head, pageSize) {
		r.short++
		return
	}
	for i, m := range messages {
		if m.GetSeq() != head-uint64(len(messages)-1-i) {
			r.disordered++
			return
		}
	}
}

// loaderPool publishes into any room over some sessions, many at a time.
type loaderPool struct {
	play  *play
	name  string // of this pool's messages
	conns []Session
	free  chan int // indexes of conns that may take another publish, each as often as it may
	acks  atomic.Uint64
	n     int
	rooms *rand.Zipf

	running sync.WaitGroup // the readers
	once    sync.Once
	mu      sync.Mutex // guards err
	err     error
	closing atomic.Bool
}

func openLoaders(p *play, name string) (*loaderPool, error) {
	l := &loaderPool{play: p, name: name, free: make(chan int, loaders*loaderWindow), rooms: newZipf(1, p.cfg.Rooms)}
	for i := range loaders {
		c, err := p.dial(p.ctx)
		if err != nil {
			return nil, errors.Join(err, l.close())
		}
		l.conns = append(l.conns, c)
		l.running.Go(func() { l.read(i, c) }) // ends with the connection, which close ends
	}
	for range loaderWindow {
		for i := range loaders {
			l.free <- i
		}
	}
	return l, nil
}

// read takes the answers of one session.
func (l *loaderPool) read(i int, c Session) {
	h := answers{l, i}
	for {
		b, err := c.Receive()
		if err == nil {
			err = decodeResponse(b, h)
		}
		if err != nil {
			if !l.closing.Load() {
				l.fail(err)
			}
			return
		}
	}
}

func (l *loaderPool) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = errors.Join(l.err, err)
}

// answers is what one session's reader looks at.
type answers struct {
	*loaderPool
	i int
}

func (a answers) reply(r *chatv1.Reply) error {
	if err := r.GetError(); err != nil {
		return fmt.Errorf("publish refused: %s", err.GetMessage())
	}
	a.acks.Add(1)
	a.free <- a.i
	return nil
}

func (a answers) event(*event) error { return nil }

// publish sends one message to a room chosen by Zipf's law. One caller at a time, as for publishTo.
func (l *loaderPool) publish(ctx context.Context) error {
	return l.publishTo(ctx, int(l.rooms.Uint64()))
}

// publishTo sends one message as soon as a session may take it.
func (l *loaderPool) publishTo(ctx context.Context, room int) error {
	select {
	case i := <-l.free:
		l.n++
		return l.conns[i].Send(publishRequest(roomID(room), fmt.Sprint(l.name, "-", l.n), l.play.cfg.MessageBytes, 0))
	case <-ctx.Done():
		return nil
	}
}

// preload stores n messages, one in each room first, and returns when all are acknowledged.
func (l *loaderPool) preload(n int) error {
	for i := range n {
		if i%preloadReport == 0 {
			l.play.tell(fmt.Sprintf("storing %d of %d messages", i, n))
		}
		room := i
		if i >= l.play.cfg.Rooms {
			room = int(l.rooms.Uint64())
		}
		if err := l.publishTo(l.play.ctx, room); err != nil {
			return err
		}
	}
	for tick := time.Tick(5 * time.Millisecond); l.acks.Load() < uint64(n); {
		select {
		case <-tick:
		case <-l.play.ctx.Done():
			return l.play.ctx.Err()
		}
		l.mu.Lock()
		err := l.err
		l.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *loaderPool) close() error {
	l.once.Do(func() {
		l.closing.Store(true)
		for _, c := range l.conns {
			c.Close()
		}
		l.running.Wait()
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
