package chat_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

func TestMarkRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{})
		l.fill("lobby", 10)
		ctx, _ := l.as("Ana")
		phone, laptop, other := l.connect(ctx), l.connect(ctx), l.guest("Ben")
		for _, s := range []*session{phone, laptop, other} {
			s.call(leaveRequest("lobby")) // joined nowhere
		}
		want := &chatv1.ReadMarker{Room: "lobby", Seq: 7, Unread: 3}
		if got := phone.call(markReadRequest("lobby", 7)).GetMarkRead().GetRead(); !proto.Equal(got, want) {
			t.Errorf("reply: %v", got)
		}
		for _, s := range []*session{phone, laptop} {
			got := s.pending(isMarker)
			if len(got) != 1 || !proto.Equal(got[0].GetRead(), want) || got[0].GetRoom() != "lobby" || got[0].GetRev() != 0 {
				t.Errorf("own device: %v", got)
			}
		}
		if got := other.pending(isMarker); len(got) != 0 {
			t.Errorf("somebody else: %v", got)
		}
		if got := l.connect(ctx).join(fromNow("lobby")).GetRead(); !proto.Equal(got, want) {
			t.Errorf("on join: %v", got)
		}
		time.Sleep(2 * time.Second)
		want = &chatv1.ReadMarker{Room: "lobby", Seq: 2, Unread: 8}
		if got := laptop.call(markReadRequest("lobby", 2)).GetMarkRead().GetRead(); !proto.Equal(got, want) {
			t.Errorf("back: %v", got)
		}
	})
}

// Publishing moves the sender's own marker.
func TestPublishMarksRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{})
		l.fill("lobby", 3)
		ctx, _ := l.as("Ana")
		phone, laptop := l.connect(ctx), l.connect(ctx)
		laptop.call(leaveRequest("lobby"))
		phone.publish("lobby", "hello")
		got := laptop.pending(isMarker)
		if want := (&chatv1.ReadMarker{Room: "lobby", Seq: 4}); len(got) != 1 || !proto.Equal(got[0].GetRead(), want) {
			t.Errorf("got %v", got)
		}
	})
}

// Of many markers in a second the first and the last are stored; all are answered.
func TestMarkersAreStoredOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		close(g.open)
		l := start(t, config{wrap: g.wrap})
		l.fill("lobby", 20)
		before := g.records()
		s := l.guest("Ana")
		s.call(markReadRequest("lobby", 1))
		for i := 1; i < 20; i++ {
			req := markReadRequest("lobby", uint64(i+1))
			req.RequestId = fmt.Sprint(i)
			s.send(req)
		}
		began := time.Now()
		for i := 1; i < 20; i++ {
			s.reply(fmt.Sprint(i))
		}
		if took := time.Since(began); took < 900*time.Millisecond || took > 1100*time.Millisecond {
			t.Errorf("answered after %v", took)
		}
		if got := g.records() - before; got != 2 {
			t.Errorf("%d stored", got)
		}
		if got := l.marker(s); got != 20 {
			t.Errorf("marker at %d", got)
		}
	})
}

// marker returns how far the user of a session has read in the lobby.
func (l *live) marker(s *session) uint64 {
	l.tb.Helper()
	return s.join(fromNow("lobby")).GetRead().GetSeq()
}

// A marker that was taken is stored although its session has ended, at the latest when the service drains.
func TestMarkerOutlivesItsSession(t *testing.T) {
	for name, drain := range map[string]bool{"alone": false, "drain": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := start(t, config{})
				l.fill("lobby", 5)
				ctx, who := l.as("Ana")
				s := l.connect(ctx)
				s.call(markReadRequest("lobby", 1))
				s.send(markReadRequest("lobby", 5))
				synctest.Wait()
				s.cancel()
				synctest.Wait()
				if drain {
					if err := l.service.Drain(l.context()); err != nil {
						t.Fatal(err)
					}
				} else {
					time.Sleep(time.Second)
					synctest.Wait()
				}
				v := l.store.View()
				defer v.Close()
				if got, err := v.ReadMarker("lobby", who.ID); got != 5 || err != nil {
					t.Errorf("marker at %d, %v", got, err)
				}
			})
		})
	}
}

// A drain that is out of time does not wait for markers; Wait does.
func TestWaitForMarkersAfterADrainOutOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		l := start(t, config{wrap: g.wrap})
		close(g.open)
		l.fill("lobby", 5)
		g.open = make(chan struct{})
		ctx, who := l.as("Ana")
		s := l.connect(ctx)
		s.send(markReadRequest("lobby", 5))
		synctest.Wait()
		s.cancel()
		expired, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.service.Drain(expired); err == nil {
			t.Error("a drain without time has waited")
		}
		waited := make(chan struct{})
		go func() {
			l.service.Wait()
			close(waited)
		}()
		synctest.Wait()
		select {
		case <-waited:
			t.Error("Wait returned before the marker was stored")
		default:
		}
		close(g.open)
		<-waited
		v := l.store.View()
		defer v.Close()
		if got, err := v.ReadMarker("lobby", who.ID); got != 5 || err != nil {
			t.Errorf("marker at %d, %v", got, err)
		}
	})
}
