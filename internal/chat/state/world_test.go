package state_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer/local"
	"github.com/rialto-rpc/rialto/internal/chat/state"
	"github.com/rialto-rpc/rialto/internal/history"
)

// crew is people who outlive crashes: publishers who repeat what had no answer, followers who go on where they were, and
// readers of pages.
type crew struct {
	t          *testing.T
	history    *history.Recorder
	interval   time.Duration // between syncs; 0: with each commit
	syncs      syncTicks     // where there is an interval
	damages    bool          // whether the log is damaged at each end of a world
	publishers []*publisher
	followers  []*follower
	readers    []*rand.Rand
}

const crashRooms = 3

func crashRoom(i int) string { return fmt.Sprint("room-", i) }

func newCrew(t *testing.T, random *rand.Rand) *crew {
	t.Helper()
	const publishers, followers, readers = 20, 2, 2
	source := func() *rand.Rand { return rand.New(rand.NewPCG(random.Uint64(), 2)) }
	c := &crew{t: t, history: history.NewRecorder()}
	for i := range publishers {
		c.publishers = append(c.publishers, &publisher{actor: person(i), random: source()})
	}
	for i := range followers {
		f := &follower{}
		for room := range crashRooms {
			f.sessions = append(f.sessions, c.history.Observe(fmt.Sprint("follower ", i), crashRoom(room)))
		}
		f.revs = make([]uint64, crashRooms)
		c.followers = append(c.followers, f)
	}
	for range readers {
		c.readers = append(c.readers, source())
	}
	return c
}

// world is a store and its sequencer, from the opening to the crash, with everybody at work.
type world struct {
	crew      *crew
	store     *state.Store
	sequencer *local.Sequencer
	news      sync.Cond // of commits; for followers
	commits   int       // guarded by news.L
	cancel    context.CancelFunc
	all       sync.WaitGroup
	ended     chan error // what Run returned

	mu    sync.RWMutex // held for writing when the world dies
	dying bool         // from here on nobody hears of anything
}

// begin opens the store and sets everybody to work until the world ends.
func (c *crew) begin(fs vfs.FS) *world {
	c.t.Helper()
	w := &world{
		crew: c, sequencer: local.New(local.Options{MaxBatch: 16, SyncInterval: c.interval}), ended: make(chan error, 1),
	}
	w.news.L = new(sync.Mutex)
	var err error
	w.store, err = state.Open(dataDir, state.Options{
		FS: fs, Interval: c.interval > 0, OnCommit: func(*state.Change) { w.tell() },
	})
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background()) // ended by end or failed
	w.cancel = func() { cancel(); w.tell() }
	go func() { w.ended <- w.sequencer.Run(ctx, w.store) }() // ends with ctx or a failure; awaited by end and failed
	for _, p := range c.publishers {
		w.all.Go(func() { p.work(ctx, w) })
	}
	for _, f := range c.followers {
		w.all.Go(func() { f.work(ctx, w) })
	}
	for _, r := range c.readers {
		w.all.Go(func() { w.readPages(ctx, r) })
	}
	return w
}

func (w *world) tell() {
	w.news.L.Lock()
	w.commits++
	w.news.L.Unlock()
	w.news.Broadcast()
}

// die is the moment of the power cut: whatever happens in this world afterwards, nobody hears of it.
func (w *world) die() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dying = true
	switch {
	case w.crew.interval > 0:
		w.crew.history.Lost(w.crew.syncs.safe())
	case w.crew.damages:
		w.crew.history.Lost(0)
	default:
		w.crew.history.Crashed()
	}
}

// heard calls f unless the world is dying. What f notes was so before the cut.
func (w *world) heard(f func()) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if !w.dying {
		f()
	}
}

// end stops the world after it died and returns why the sequencer ended.
func (w *world) end() error {
	w.cancel()
	err := <-w.ended
	w.close()
	return err
}

// failed waits for the store to fail and returns how.
func (w *world) failed() error {
	err := <-w.ended
	w.die()
	w.cancel()
	w.close()
	return err
}

func (w *world) close() {
	w.all.Wait()
	if err := w.store.Close(); err != nil {
		w.crew.t.Error(err)
	}
}

// publisher posts one message after another, and edits some.
type publisher struct {
	actor   state.Actor
	random  *rand.Rand
	n       int
	pending *storev1.Publish // had no answer; the same again
	note    history.Publishing
}

func (p *publisher) work(ctx context.Context, w *world) {
	for ctx.Err() == nil {
		if p.pending == nil {
			p.n++
			words := fmt.Sprint(p.actor.ID, " ", p.n)
			if w.crew.damages {
				words += strings.Repeat("!", 4000) // so that memory is soon full, and the log of several files
			}
			p.pending = say(crashRoom(p.random.IntN(crashRooms)), fmt.Sprint("c", p.n), words)
			p.note = w.crew.history.Publish(p.pending.GetRoom(), p.actor.ID, p.pending.GetClientId())
		}
		result, err := p.append(ctx, w, p.pending)
		if err != nil {
			return // pending stays so
		}
		room := p.pending.GetRoom()
		w.heard(func() {
			p.note.Acknowledged(result.Seq, result.Rev)
			p.pending = nil
		})
		if p.random.IntN(8) == 0 {
			// An edit is not repeated: it is seen by whoever follows, or it is not.
			_, _ = p.append(ctx, w, &storev1.Edit{Room: room, Seq: result.Seq, Text: "edited"})
		}
	}
}

func (p *publisher) append(ctx context.Context, w *world, command proto.Message) (state.Result, error) {
	record, err := state.NewRecord(p.actor, int64(1000+p.n), command)
	if err != nil {
		w.crew.t.Error(err)
		return state.Result{}, err
	}
	results, err := w.sequencer.Append(ctx, record)
	switch {
	case err == nil:
		return results[0], nil
	case ctx.Err() == nil && !errors.Is(err, sequencer.ErrUnknown) && !errors.Is(err, sequencer.ErrStopped):
		w.crew.t.Errorf("append: %v", err)
	}
	return state.Result{}, err
}

// follower reads what each commit brought to the rooms, from where it was before the crash.
type follower struct {
	sessions []history.Observing
	revs     []uint64
	epoch    state.Epoch
}

func (f *follower) work(ctx context.Context, w *world) {
	f.resume(w)
	for seen := 0; ctx.Err() == nil; {
		f.look(w)
		w.news.L.Lock()
		for seen == w.commits && ctx.Err() == nil {
			w.news.Wait()
		}
		seen = w.commits
		w.news.L.Unlock()
	}
}

// resume notes that the follower goes on in a new world, or begins anew where that is of another epoch.
func (f *follower) resume(w *world) {
	starts := make([]history.Tick, crashRooms)
	for i, s := range f.sessions {
		starts[i] = s.Joining()
	}
	v := w.store.View()
	defer v.Close()
	last := f.epoch
	if f.epoch == "" {
		last = v.Epoch()
	}
	for i, s := range f.sessions {
		room, messages := newestPage(w, v, state.RoomID(crashRoom(i)))
		join := history.Join{
			Start: starts[i], Asked: &history.Position{Epoch: string(last), Rev: f.revs[i]}, Resumed: last == v.Epoch(),
			Epoch: string(v.Epoch()), HeadRev: room.Head.Rev,
		}
		w.heard(func() {
			s.Joined(join)
			f.epoch = v.Epoch()
			if !join.Resumed {
				s.Snapshot(pageOf(v.Epoch(), room, messages))
				f.revs[i] = room.Head.Rev
			}
		})
	}
}

func (f *follower) look(w *world) {
	v := w.store.View()
	defer v.Close()
	for i, s := range f.sessions {
		events, err := v.Events(state.RoomID(crashRoom(i)), f.revs[i], 50, math.MaxInt)
		if err != nil {
			w.crew.t.Error(err)
		}
		for _, e := range events {
			w.heard(func() {
				s.Event(eventOf(v.Epoch(), e))
				f.revs[i] = e.Rev
			})
		}
	}
}

// readPages reads newest pages, over and over.
func (w *world) readPages(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		id := crashRoom(random.IntN(crashRooms))
		reading := w.crew.history.Read(id)
		v := w.store.View()
		room, messages := newestPage(w, v, state.RoomID(id))
		page := pageOf(v.Epoch(), room, messages)
		v.Close()
		page.ToHead = true
		w.heard(func() { reading.Got(page) })
		w.news.L.Lock()
		if ctx.Err() == nil {
			w.news.Wait()
		}
		w.news.L.Unlock()
	}
}

func newestPage(w *world, v state.View, id state.RoomID) (state.Room, []*state.Message) {
	room, _, err := v.Room(id)
	messages, messagesErr := v.Messages(id, math.MaxUint64, true, 20, math.MaxInt)
	if err := errors.Join(err, messagesErr); err != nil {
		w.crew.t.Error(err)
	}
	return room, messages
}

func eventOf(epoch state.Epoch, e *state.Event) history.Event {
	event := history.Event{Epoch: string(epoch), Rev: e.Rev, Fact: history.Fact{Kind: kindName(e.Kind), Sender: e.Actor.ID}}
	if e.Message != nil {
		event.Seq, event.Sender, event.ClientID = e.Message.Seq, e.Message.Sender.ID, e.Message.ClientID
	}
	return event
}

func kindName(k state.ChangeKind) string {
	if k == state.Posted {
		return history.Posted
	}
	return fmt.Sprint("kind ", k)
}

func pageOf(epoch state.Epoch, room state.Room, messages []*state.Message) history.Page {
	p := history.Page{Epoch: string(epoch), HeadRev: room.Head.Rev, HeadSeq: room.Head.Seq}
	for _, m := range messages {
		p.Messages = append(p.Messages, history.Message{Seq: m.Seq, Rev: m.Rev, Sender: m.Sender.ID, ClientID: m.ClientID})
	}
	return p
}

// judge opens what is left at the end, lets everybody get their answers, and asks the checker.
func (c *crew) judge(fs vfs.FS) {
	c.t.Helper()
	w := c.begin(fs)
	c.history.WaitForAcks(100)
	if err := w.end(); err != nil {
		c.t.Error(err)
	}
	s, err := state.Open(dataDir, state.Options{FS: fs})
	if err != nil {
		c.t.Fatal(err)
	}
	v := s.View()
	for i := range crashRooms {
		id := state.RoomID(crashRoom(i))
		room, _, err := v.Room(id)
		events, eventsErr := v.Events(id, 0, math.MaxInt, math.MaxInt)
		messages, messagesErr := v.Messages(id, 0, false, math.MaxInt, math.MaxInt)
		if err := errors.Join(err, eventsErr, messagesErr); err != nil {
			c.t.Fatal(err)
		}
		final := history.Final{Room: string(id), Page: pageOf(v.Epoch(), room, messages), Events: []history.Event{}}
		for _, e := range events {
			final.Events = append(final.Events, eventOf(v.Epoch(), e))
		}
		c.history.Final(final)
	}
	v.Close()
	closeStore(c.t, s)
	for _, violation := range c.history.History().Check() {
		c.t.Error(violation)
	}
}
