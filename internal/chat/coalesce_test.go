package chat_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat"
)

// arrival is a response as it came: when, and which events with a rev and which replies were in it.
type arrival struct {
	at      time.Duration
	revs    []uint64
	replies []string
}

// arrivals records what comes to a session from now on. The session is not used otherwise until the returned function is
// called, which gives what came since the last time.
func (s *session) arrivals() func() []arrival {
	began := time.Now()
	got := make(chan arrival, 1000)
	go func() { // ends with the stream
		for {
			resp, err := s.stream.Recv()
			if err != nil {
				return
			}
			a := arrival{at: time.Since(began)}
			for _, e := range resp.GetEvents() {
				if e.GetRev() > 0 {
					a.revs = append(a.revs, e.GetRev())
				}
			}
			for _, r := range resp.GetReplies() {
				a.replies = append(a.replies, r.GetRequestId())
			}
			got <- a
		}
	}()
	return func() (all []arrival) {
		synctest.Wait()
		for {
			select {
			case a := <-got:
				all = append(all, a)
			default:
				return all
			}
		}
	}
}

// say publishes and does not wait.
func (s *session) say(room, id, text string) {
	s.tb.Helper()
	req := publishRequest(room, text)
	req.RequestId = id
	s.send(req)
	synctest.Wait()
}

// When others' news arrives, and what travels together.
func TestNewsIsWrittenTogether(t *testing.T) {
	const ms = time.Millisecond
	type say struct {
		at    time.Duration
		count int
		bytes int
	}
	for _, c := range []struct {
		name   string
		window time.Duration
		says   []say
		want   string // the times of arrivals, in ms, with the number of events
	}{
		{"after a pause: at once", 0, []say{{0, 1, 1}, {200 * ms, 1, 1}}, "0:1 200:1"},
		{"soon after: when the window has passed", 0, []say{{0, 1, 1}, {10 * ms, 1, 1}, {20 * ms, 1, 1}}, "0:1 50:2"},
		{"a steady stream: one write a window", 0,
			[]say{{0, 1, 1}, {20 * ms, 1, 1}, {40 * ms, 1, 1}, {60 * ms, 1, 1}, {80 * ms, 1, 1}, {90 * ms, 1, 1}}, "0:1 50:2 100:3"},
		{"32 events do not wait", 0, []say{{0, 1, 1}, {10 * ms, 31, 1}, {20 * ms, 1, 1}}, "0:1 20:32"},
		{"16 KiB do not wait", 0, []say{{0, 1, 1}, {10 * ms, 1, 10 << 10}, {20 * ms, 1, 10 << 10}}, "0:1 20:2"},
		{"another window", 200 * ms, []say{{0, 1, 1}, {60 * ms, 1, 1}, {190 * ms, 1, 1}}, "0:1 200:2"},
		{"no window", -1, []say{{0, 1, 1}, {1 * ms, 1, 1}, {2 * ms, 1, 1}}, "0:1 1:1 2:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := start(t, config{delivery: chat.Delivery{Window: c.window}})
				reader, writer := l.guest("reader"), l.guest("writer")
				reader.join(fromNow("lobby"))
				time.Sleep(time.Second)
				reader.pending(isPresence)
				time.Sleep(time.Second)
				came := reader.arrivals()
				began := time.Now()
				for _, say := range c.says {
					time.Sleep(say.at - time.Since(began))
					for range say.count {
						writer.say("lobby", "", strings.Repeat("x", say.bytes))
					}
				}
				time.Sleep(time.Second)
				var got []string
				for _, a := range came() {
					// A commit waits up to 2 ms for others, and a slot of the wheel is 5 ms.
					got = append(got, fmt.Sprint(a.at.Round(10*ms).Milliseconds(), ":", len(a.revs)))
				}
				want := c.want
				if c.window < 0 {
					want = "0:1 0:1 0:1"
				}
				if strings.Join(got, " ") != want {
					t.Errorf("got %v, want %s", got, want)
				}
			})
		})
	}
}

// What a session asked for never waits, and takes along what does.
func TestOneOwnDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{})
		ana, ben := l.guest("ana"), l.guest("ben")
		epoch := ana.join(fromNow("lobby")).GetEpoch()
		ben.publish("other", "hello")
		time.Sleep(time.Second)
		ana.pending(isPresence)
		time.Sleep(time.Second)
		came := ana.arrivals()
		began := time.Now()
		at := func(d time.Duration) { time.Sleep(d - time.Since(began)) }
		at(0)
		ben.say("lobby", "", "1") // goes at once
		at(10 * time.Millisecond)
		ben.say("lobby", "", "2") // waits
		at(20 * time.Millisecond)
		ana.say("lobby", "mine", "3") // takes 2 along
		at(30 * time.Millisecond)
		ben.say("lobby", "", "4") // waits
		at(40 * time.Millisecond)
		join := joinRequest(resume("other", epoch, 0))
		join.RequestId = "join"
		ana.send(join) // takes 4 along
		time.Sleep(time.Second)
		ana.say("lobby", "", "5") // not replied, and comes back at once all the same
		time.Sleep(time.Second)
		// What comes in one moment may be one response or several, in any order; what the feed says of one's own message, too.
		moments := make(map[int64]*arrival)
		for _, a := range came() {
			at := a.at.Round(10 * time.Millisecond).Milliseconds()
			if moments[at] == nil {
				moments[at] = new(arrival)
			}
			moments[at].revs = append(moments[at].revs, a.revs...)
			moments[at].replies = append(moments[at].replies, a.replies...)
		}
		var got []string
		for _, at := range slices.Sorted(maps.Keys(moments)) {
			a := moments[at]
			slices.Sort(a.revs)
			got = append(got, fmt.Sprintf("%d: %v %v", at, a.revs, a.replies))
		}
		want := "0: [1] []; 20: [2 3] [mine]; 40: [1 4] [join]; 1040: [5] []"
		if s := strings.Join(got, "; "); s != want {
			t.Errorf("got  %s\nwant %s", s, want)
		}
	})
}

// A probe is answered at once, while news waits.
func TestProbeDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{delivery: chat.Delivery{Window: time.Second}})
		ana, ben := l.guest("ana"), l.guest("ben")
		ana.join(fromNow("lobby"))
		time.Sleep(2 * time.Second)
		ana.pending(isPresence)
		came := ana.arrivals()
		ben.say("lobby", "", "1")
		time.Sleep(10 * time.Millisecond)
		ana.send(&chatv1.ConnectRequest{})
		synctest.Wait()
		got := came()
		if len(got) == 0 || got[0].at != 10*time.Millisecond || len(got[0].revs) != 0 {
			t.Errorf("got %v", got)
		}
	})
}
