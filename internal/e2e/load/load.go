// Package load is people in one room, while somebody else breaks what is between them and each other: publishers who
// repeat what has no answer, observers with the Go SDK, resumers who speak the bare protocol, and readers of pages. All
// they are told and shown goes into a history, whose checker has the last word.
package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/history"
)

// Options say who there is.
type Options struct {
	Room       string // must be empty, so that observers see all of it
	Publishers int    // half over a session of the SDK, half by unary calls; each with an identity of its own
	Eager      int    // of the publishers, by unary calls, waiting a twentieth: so that whatever breaks meets calls under way
	Observers  int
	Resumers   int
	Readers    int
	Every      time.Duration // how long a publisher waits between two messages, and a reader between two pages
	Strangers  bool          // others publish in the room, too
	Try        time.Duration // the longest try of a call; default 5 s

	// Conn returns the connection of the n-th person, who keeps it. They may share one.
	Conn func(n int) (grpc.ClientConnInterface, error)
}

// Crew is people at work.
type Crew struct {
	opts     Options
	recorder *history.Recorder

	publishers []*publisher
	observers  []*observer
	resumers   []*resumer

	done       chan struct{} // closed by Stop: publishers begin no more
	publishing sync.WaitGroup
	cancel     context.CancelFunc // of everybody's context
	all        sync.WaitGroup
	stop       sync.Once
}

// Start sets everybody to work, observers first. They work until Finish or Close.
func Start(ctx context.Context, opts Options) (*Crew, error) {
	if opts.Try == 0 {
		opts.Try = 5 * time.Second
	}
	c := &Crew{opts: opts, recorder: history.NewRecorder(), done: make(chan struct{})}
	if opts.Strangers {
		c.recorder.Strangers()
	}
	ctx, c.cancel = context.WithCancel(ctx)
	people := 0
	next := func() (grpc.ClientConnInterface, error) { people++; return opts.Conn(people - 1) }
	if err := c.start(ctx, next); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Crew) start(ctx context.Context, next func() (grpc.ClientConnInterface, error)) error {
	for i := range c.opts.Observers {
		conn, err := next()
		if err != nil {
			return err
		}
		o, err := observe(ctx, conn, c.opts.Room, c.recorder.Observe(fmt.Sprint("observer ", i), c.opts.Room))
		if err != nil {
			return err
		}
		c.observers = append(c.observers, o)
	}
	for i := range c.opts.Resumers {
		conn, err := next()
		if err != nil {
			return err
		}
		r := &resumer{conn: conn, room: c.opts.Room, note: c.recorder.Observe(fmt.Sprint("resumer ", i), c.opts.Room)}
		c.resumers = append(c.resumers, r)
		c.all.Go(func() { r.run(ctx) }) // ends with ctx
	}
	for range c.opts.Readers {
		conn, err := next()
		if err != nil {
			return err
		}
		c.all.Go(func() { c.read(ctx, conn) }) // ends with ctx
	}
	for i := range c.opts.Publishers {
		conn, err := next()
		if err != nil {
			return err
		}
		p := &publisher{crew: c, conn: conn, name: fmt.Sprint("publisher-", i), every: c.opts.Every}
		if i < c.opts.Eager {
			p.every /= 20
		} else {
			p.session = i%2 == 1
		}
		c.publishers = append(c.publishers, p)
		c.publishing.Go(func() { p.run(ctx) }) // ends after Stop, or with ctx
	}
	return nil
}

// Crashed notes that the server was killed.
func (c *Crew) Crashed() { c.recorder.Crashed() }

// Damaged notes that the server was killed and comes back without the newest of what it had.
func (c *Crew) Damaged() { c.recorder.Lost(0) }

// WaitForAcks returns after n more acknowledged messages, or when ctx ends.
func (c *Crew) WaitForAcks(ctx context.Context, n int) error {
	for until, tick := c.recorder.Acknowledged()+n, time.Tick(5*time.Millisecond); c.recorder.Acknowledged() < until; {
		select {
		case <-tick:
		case <-ctx.Done():
			return fmt.Errorf("%d acknowledgements are missing: %w", until-c.recorder.Acknowledged(), ctx.Err())
		}
	}
	return nil
}

// Report is what was done.
type Report struct {
	Acked    int       `json:"acked"`    // publishes that were acknowledged: all
	Retries  int       `json:"retries"`  // tries of unary calls that had no answer
	Repeated int       `json:"repeated"` // acknowledgements that said duplicate: stored by a try that had no answer
	Resumed  int       `json:"resumed"`  // joins that continued exactly
	Reset    int       `json:"reset"`    // joins that were answered by a snapshot instead
	Pages    int       `json:"pages"`    // read meanwhile
	Messages []Message `json:"messages"` // the room at the end, by seq
}

// Message is what must be the same for every observer.
type Message struct {
	Seq      uint64 `json:"seq"`
	Sender   string `json:"sender"`
	ClientID string `json:"clientId"`
	Text     string `json:"text"`
}

// Finish lets the publishers get their last answers, reads the whole room over conn, waits until everybody has seen it to
// its end, and asks the checker. The error has every broken promise.
func (c *Crew) Finish(ctx context.Context, conn grpc.ClientConnInterface) (*Report, error) {
	defer c.Close()
	c.stop.Do(func() { close(c.done) })
	c.publishing.Wait()
	if ctx.Err() != nil {
		return nil, errors.New("the publishers did not get their answers in time")
	}
	report := new(Report)
	var errs []error
	for _, p := range c.publishers {
		report.Acked += p.acked
		report.Retries += p.retries
		report.Repeated += p.repeated
		errs = append(errs, p.err)
	}
	head, err := c.readAll(ctx, conn, report)
	if err != nil {
		return nil, errors.Join(append(errs, err)...)
	}
	for i, o := range c.observers {
		if err := o.catchUp(ctx, head); err != nil {
			errs = append(errs, fmt.Errorf("observer %d: %w", i, err))
		}
	}
	for i, r := range c.resumers {
		if err := r.catchUp(ctx, head); err != nil {
			errs = append(errs, fmt.Errorf("resumer %d: %w", i, err))
		}
	}
	c.Close()
	for _, r := range c.resumers {
		report.Resumed += r.resumed
		report.Reset += r.reset
	}
	h := c.recorder.History()
	report.Pages = len(h.Reads)
	for _, v := range h.Check() {
		errs = append(errs, errors.New(v.String()))
	}
	return report, errors.Join(errs...)
}

// Close ends everybody and waits for them.
func (c *Crew) Close() {
	c.stop.Do(func() { close(c.done) })
	c.cancel()
	for _, o := range c.observers {
		o.close()
	}
	c.publishing.Wait()
	c.all.Wait()
}

// readAll pages through the whole room, which is at rest.
func (c *Crew) readAll(ctx context.Context, conn grpc.ClientConnInterface, report *Report) (headRev uint64, err error) {
	client := chatv1.NewMessageServiceClient(conn)
	final := history.Final{Room: c.opts.Room}
	for after := uint64(0); ; {
		page, err := client.ListMessages(ctx, &chatv1.ListMessagesRequest{
			Room:     c.opts.Room,
			PageSize: 100,
			Position: &chatv1.ListMessagesRequest_AfterSeq{AfterSeq: after},
		}, grpc.WaitForReady(true))
		if err != nil {
			return 0, fmt.Errorf("list messages: %w", err)
		}
		for _, m := range page.GetMessages() {
			report.Messages = append(report.Messages, Message{
				Seq: m.GetSeq(), Sender: m.GetSender().GetId(), ClientID: m.GetClientId(), Text: m.GetText(),
			})
			final.Messages = append(final.Messages, messageOf(m))
			after = m.GetSeq()
		}
		final.Epoch, final.HeadRev, final.HeadSeq = page.GetEpoch(), page.GetRoom().GetHeadRev(), page.GetRoom().GetHeadSeq()
		if after >= final.HeadSeq || len(page.GetMessages()) == 0 {
			c.recorder.Final(final)
			return final.HeadRev, nil
		}
	}
}
