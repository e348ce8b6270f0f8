package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/rialto-rpc/rialto/client"
)

// maxLineBytes bounds one line of input. A server takes less (16 KiB by default) and says so.
const maxLineBytes = 256 << 10

// LineOptions says how [RunLines] works.
type LineOptions struct {
	Room     string
	History  int            // messages to print first, at most 100
	Follow   bool           // go on printing after the end of the input
	JSON     bool           // print one JSON object a line
	Patience time.Duration  // give up after this long without a connection; 0: never
	Local    *time.Location // of the times printed; nil: time.Local
	In       io.Reader
	Out      io.Writer
	Errors   io.Writer // one line for each message that was refused
}

// ErrNotStored is returned by [RunLines] when the server refused some of the messages. Each was reported as it happened.
var ErrNotStored = errors.New("some messages were not stored")

// RunLines posts each line of In that is not blank, and prints each message of the room as "time name: text". At the end
// of In it waits until every line is stored, and the history and what came before the last of them printed, and returns nil; with Follow
// it goes on until ctx ends, and returns nil then if everything was stored. Lines keep their order if c sends one at a time
// ([client.WithMaxInFlight]).
//
// It does not close In: a Read may go on after it has returned.
func RunLines(ctx context.Context, c *client.Client, o LineOptions) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if o.Local == nil {
		o.Local = time.Local
	}
	l := &lines{LineOptions: o, client: c, cancel: cancel}
	if o.Patience > 0 {
		var watcher sync.WaitGroup
		defer watcher.Wait()
		defer cancel(nil)
		watcher.Go(func() { l.watch(ctx) }) // ends with ctx
	}
	room, err := c.Join(ctx, o.Room, client.History(o.History))
	if problem := refusedID(o.Room, err); problem != "" {
		return l.outcome(ctx, fmt.Errorf("cannot join %q: %s", o.Room, CleanLine(problem)))
	}
	if err != nil {
		return l.outcome(ctx, fmt.Errorf("join %s: %w", o.Room, err))
	}
	defer room.Leave()

	publications := make(chan lineSent, 64)
	go l.read(ctx, room, publications) // ends with In, or at its next line after ctx
	var waiter sync.WaitGroup
	defer waiter.Wait()
	defer cancel(nil)
	waiter.Go(func() { l.await(ctx, publications) }) // ends with publications, or ctx
	return l.outcome(ctx, l.print(ctx, room))
}

// lineSent is a line of the input on its way.
type lineSent struct {
	line        int // from 1
	publication *client.Publication
}

type lines struct {
	LineOptions
	client *client.Client
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	unsaid  int    // lines without an answer
	refused bool   // some line
	ended   bool   // In has, and every line has its answer
	target  uint64 // the rev of the newest of our messages
	shown   bool   // what was there before is printed
	printed uint64 // the rev up to which everything is printed
}

// errDone ends the session when there is no more to do.
var errDone = errors.New("done")

// outcome turns the way a session ended into what RunLines returns.
func (l *lines) outcome(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.refused:
		return ErrNotStored
	case errors.Is(cause, errDone), l.Follow && errors.Is(cause, context.Canceled) && l.unsaid == 0:
		return nil
	case cause != nil:
		return cause
	case errors.Is(err, client.ErrShutOut):
		return fmt.Errorf("you may not see %s any more", l.Room)
	default:
		return err
	}
}

// watch gives up when there is no connection for too long.
func (l *lines) watch(ctx context.Context) {
	var giveUp *time.Timer
	for state := range l.client.States(ctx) {
		switch state.Phase {
		case client.Live, client.CatchingUp, client.Closed:
			if giveUp != nil {
				giveUp.Stop()
				giveUp = nil
			}
		default:
			if giveUp == nil {
				giveUp = time.AfterFunc(l.Patience, l.giveUp)
			}
		}
	}
	if giveUp != nil {
		giveUp.Stop()
	}
}

func (l *lines) giveUp() {
	err := fmt.Errorf("no connection for %v", l.Patience)
	if last := l.client.State().Err; last != nil {
		err = fmt.Errorf("%w: %s", err, reason(last))
	}
	l.cancel(err)
}

// read posts what In holds.
func (l *lines) read(ctx context.Context, room *client.Room, publications chan<- lineSent) {
	defer close(publications)
	input := bufio.NewScanner(l.In)
	input.Buffer(nil, maxLineBytes)
	line := 0
	for input.Scan() {
		line++
		text := strings.TrimSuffix(input.Text(), "\r")
		if strings.TrimSpace(text) == "" {
			continue
		}
		l.begin()
		publication, err := room.PublishAsync(ctx, text)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			l.refuse(line, err)
			continue
		}
		select {
		case publications <- lineSent{line, publication}:
		case <-ctx.Done():
			return
		}
	}
	if err := input.Err(); err != nil { // those before it are still waited for
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("over %d KiB", maxLineBytes>>10)
		}
		l.begin()
		l.refuse(line+1, fmt.Errorf("%w; nor is anything behind it", err))
	}
}

// begin says that there is a line without an answer.
func (l *lines) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unsaid++
}

// await takes the outcome of each line.
func (l *lines) await(ctx context.Context, publications <-chan lineSent) {
	for {
		select {
		case p, more := <-publications:
			if !more {
				l.inputEnded()
				return
			}
			l.settle(ctx, p)
		case <-ctx.Done(): // the reader may hang in its Read
			return
		}
	}
}

func (l *lines) settle(ctx context.Context, p lineSent) {
	result, err := p.publication.Wait(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
	case err != nil:
		l.refuse(p.line, err)
	default:
		l.mu.Lock()
		defer l.mu.Unlock()
		l.unsaid--
		l.target = max(l.target, result.GetRev())
	}
}

func (l *lines) inputEnded() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.finishLocked()
}

func (l *lines) refuse(line int, err error) {
	fmt.Fprintf(l.Errors, "line %d is not stored: %s\n", line, CleanLine(reason(err)))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unsaid--
	l.refused = true
}

// finishLocked ends the session if there is no more to do.
func (l *lines) finishLocked() {
	if l.ended && !l.Follow && l.shown && l.printed >= l.target {
		l.cancel(errDone)
	}
}
