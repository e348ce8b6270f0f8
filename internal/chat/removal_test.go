package chat_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// TestRemovedWhileStalled removes a member whose socket is stalled, while the owner posts, edits and deletes in goroutines that
// race with the removal, and then lets the socket go on: whatever the interleaving, nothing that the member receives has a rev
// above their removal, and no message is in a form that it got later.
func TestRemovedWhileStalled(t *testing.T) {
	var mu sync.Mutex // protects held and after
	held, after := 0, uint64(0)
	all := seeds(t, removalsEnv, 100)
	t.Run("seeds", func(t *testing.T) {
		for _, seed := range all {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					wasHeld, later := removeWhileStalled(t, rand.New(rand.NewPCG(seed, 0)))
					mu.Lock()
					defer mu.Unlock()
					if wasHeld {
						held++
					}
					after += later
				})
			})
		}
	})
	t.Logf("%d interleavings: in %d the sender was blocked by the stall; %d changes came after the removals", len(all), held, after)
	if held < len(all)/2 || after == 0 {
		t.Error("hardly any socket was stalled with something to send, or nothing came after the removals")
	}
}

// removeWhileStalled plays one interleaving; it returns whether the member's sender was blocked, and how many changes came after
// the removal.
func removeWhileStalled(t *testing.T, random *rand.Rand) (held bool, later uint64) {
	delivery := tiny
	delivery.Window = []time.Duration{-1, 0}[random.IntN(2)]
	s := &simulation{
		calls: startCalls(t, config{delivery: delivery}), t: t, random: random,
		posted: make(map[string]uint64), removed: make(map[*mind]bool), happened: make(map[string]int),
	}
	s.begin(2)
	for range random.IntN(30) {
		s.post(s.minds[0].ctx, den, strings.Repeat("x", 1+random.IntN(300)))
	}
	if random.IntN(2) == 0 { // otherwise the join itself races with all that follows
		synctest.Wait()
	}
	stream, member := s.streams[1], s.minds[1]
	stream.stall()
	s.raceWithRemoval()
	held = stream.holds() > 0
	stream.resume()
	time.Sleep(time.Second)
	synctest.Wait()

	removal := s.removals()[member.user.ID]
	later = s.headOf(den) - removal
	member.mu.Lock()
	defer member.mu.Unlock()
	for _, fault := range member.faults {
		t.Error(fault)
	}
	if member.shown[den] > removal {
		t.Errorf("removed at rev %d and shown rev %d", removal, member.shown[den])
	}
	if rev, follows := member.rooms[den]; follows {
		t.Errorf("still follows the room, at rev %d", rev)
	}
	for i := range s.streams {
		s.lose(i)
	}
	s.running.Wait()
	return held, later
}

// raceWithRemoval lets the owner do many things at once, among which is the removal of the other, and waits for all.
func (s *simulation) raceWithRemoval() {
	owner, member := s.minds[0].ctx, s.minds[1]
	s.removed[member] = true
	var all sync.WaitGroup
	for writer := range 3 {
		random := rand.New(rand.NewPCG(s.random.Uint64(), uint64(writer)))
		all.Go(func() { // ends by itself
			for range 1 + random.IntN(15) {
				seq := 1 + random.Uint64N(20) // of a message that is perhaps not there
				switch random.IntN(4) {
				case 0:
					_, _ = s.messages.EditMessage(owner, &chatv1.EditMessageRequest{Room: den, Seq: seq, Text: fmt.Sprint("edit ", random.Uint64())})
				case 1:
					_, _ = s.messages.DeleteMessage(owner, &chatv1.DeleteMessageRequest{Room: den, Seq: seq})
				default:
					s.messages.PostMessage(owner, text(den, strings.Repeat("y", 1+random.IntN(300))))
				}
			}
		})
	}
	pause := time.Duration(s.random.IntN(5)) * time.Millisecond
	all.Go(func() {
		time.Sleep(pause)
		must(s.members.RemoveMember(owner, &chatv1.RemoveMemberRequest{Room: den, UserId: member.user.ID}))(s.t)
	})
	all.Wait()
}
