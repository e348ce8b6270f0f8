package chat

import (
	"testing"
	"testing/synctest"
	"time"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// meanwhile calls f in another goroutine and waits for it, while the test holds what f must not wait for. If it does, the test never
// ends, and its time-out shows where.
func meanwhile(f func()) {
	done := make(chan struct{})
	go func() { // ends with f
		defer close(done)
		f()
	}()
	<-done
}

// banless has nobody who is banned.
type banless struct{ noStore }

func (banless) Bans() *state.Bans { return new(state.Bans) }

// A commit waits neither for the many sessions of a user whom it is about, nor for the rooms that those are in. They learn of it
// soon: of all that came for one room the newest, once.
func TestCommitWaitsForNoUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := NewHub()
		service, err := New(Config{Hub: hub, Store: banless{}, Sequencer: stuck(nil)})
		if err != nil {
			t.Fatal(err)
		}
		bob := service.newSession(t.Context(), nil)
		bob.visible, bob.sending, bob.actor, bob.feed = true, true, state.Actor{ID: "bob", Name: "bob"}, &feed{}
		bob.user.Store(&chatv1.User{Id: "bob", DisplayName: "bob"})
		if err := service.begin(bob); err != nil {
			t.Fatal(err)
		}
		defer service.finish(bob)
		hub.enter(bob, "bob")
		for range fewSessions {
			other := service.newSession(t.Context(), nil)
			hub.enter(other, "bob")
			defer hub.leave(other, "bob")
			defer other.close()
		}
		c, err := bob.attach("lobby")
		if err != nil {
			t.Fatal(err)
		}
		c.room.enter(c)
		hub.followFeed(bob, "lobby")
		at := []state.Result{{Pos: 1}}

		c.room.mu.Lock()
		meanwhile(func() {
			hub.OnCommit(&state.Change{Results: at, Profiles: []state.Renaming{{User: "bob", Profile: state.Profile{Name: "Bob"}}}})
		})
		c.room.mu.Unlock()
		bob.mu.Lock()
		for seq := range uint64(3) {
			meanwhile(func() {
				hub.OnCommit(&state.Change{
					Results: at,
					Marks:   []state.ReadMark{{Room: "lobby", User: "bob", Seq: seq + 1}, {Room: "lobby", User: "nobody", Seq: 7}},
					Touches: []state.Touch{{Room: "den", User: "bob"}},

					ServerBans: true,
				})
			})
		}
		bob.mu.Unlock()
		time.Sleep(2 * tellAfter)
		synctest.Wait()
		if marks := bob.outbox.marks; len(marks) != 1 || marks[0].Seq != 3 {
			t.Errorf("marks %v", marks)
		}
		if dirty := bob.feed.dirty; len(dirty) != 2 || dirty["lobby"] || !dirty["den"] {
			t.Errorf("feed %v", dirty)
		}
		if name := c.room.presence.users["bob"].user.GetDisplayName(); name != "Bob" || bob.user.Load().GetDisplayName() != "Bob" {
			t.Errorf("bob is shown as %s", name)
		}
		bob.close()
	})
}
