package chat_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	adminv1 "github.com/rialto-rpc/rialto/gen/go/rialto/admin/v1"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat"
)

// A client that takes nothing from its stream is ended after a while, told why, counted and logged; others on the same
// connection notice nothing, and it may come back and resume.
func TestStalledClientIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lockedBuffer
		l := start(t, config{dial: narrow, logger: slog.New(slog.NewTextHandler(&log, nil))})
		stalled, reader, writer := l.guest("stalled"), l.guest("reader"), l.guest("writer")
		epoch := stalled.join(fromNow("lobby")).GetEpoch()
		reader.join(fromNow("lobby"))
		for range 20 { // five times what the stream takes
			writer.publish("lobby", strings.Repeat("x", 16<<10))
		}
		contiguous(t, reader.upTo("lobby", 20), 0)
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if got := l.service.Stats(); got.Sessions != 3 || got.Stalled != 0 {
			t.Errorf("too soon: %+v", got)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if got := l.service.Stats(); got.Sessions != 2 || got.Stalled != 1 {
			t.Errorf("not ended: %+v", got)
		}
		if lines := log.String(); strings.Count(lines, "\n") != 1 || !strings.Contains(lines, "takes nothing") ||
			!strings.Contains(lines, "peer=") || strings.Contains(lines, "xxx") {
			t.Errorf("log %q", lines)
		}
		writer.publish("lobby", "still here")
		reader.upTo("lobby", 21)

		events, err := stalled.rest()
		if s := wantCode(t, err, codes.ResourceExhausted); !hasRetryInfo(s) {
			t.Errorf("no RetryInfo: %v", s)
		}
		rev := uint64(0)
		for _, e := range events {
			if durable("lobby")(e) {
				rev = contiguous(t, append(events[:0:0], e), rev)
			}
		}
		if rev == 20 {
			t.Error("it had taken everything")
		}
		contiguous(t, l.guest("back").from(resume("lobby", epoch, rev), 21), rev)
	})
}

// A client that has half-closed and takes nothing is ended like others: for taking nothing, with a ban from the server, and by a
// drain, which does not wait long for it.
func TestStalledClientIsEndedAfterAHalfClose(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(l *live, user string) error
		within time.Duration
		code   codes.Code
	}{
		"stall": {func(*live, string) error { return nil }, 50 * time.Second, codes.ResourceExhausted},
		"ban": {func(l *live, user string) error {
			_, err := l.admin().BanUser(l.context(), &adminv1.BanUserRequest{UserId: user})
			return err
		}, 5 * time.Second, codes.PermissionDenied},
		"drain": {func(l *live, _ string) error { return l.service.Drain(l.context()) }, 5 * time.Second, codes.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := start(t, config{dial: narrow})
				ctx, who := l.as("stalled")
				stalled, writer := l.connect(ctx), l.guest("writer")
				stalled.join(fromNow("lobby"))
				for range 20 { // five times what the stream takes
					writer.publish("lobby", strings.Repeat("x", 16<<10))
				}
				writer.end()
				if err := stalled.stream.CloseSend(); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if got := l.service.Stats().Sessions; got != 1 {
					t.Fatalf("%d sessions", got)
				}
				began := time.Now()
				if err := c.end(l, who.ID); err != nil {
					t.Error(err)
				}
				time.Sleep(c.within - time.Since(began))
				synctest.Wait()
				if got := l.service.Stats().Sessions; got != 0 {
					t.Errorf("%d sessions after %v", got, c.within)
				}
				_, err := stalled.rest()
				wantCode(t, err, c.code)
			})
		})
	}
}

// A client that takes a little now and then is slow, not stalled: it lags and gets everything.
func TestSlowClientIsNotEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{dial: narrow})
		_, token, err := l.guests.Issue("slow")
		if err != nil {
			t.Fatal(err)
		}
		slow := l.connect(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)) // has an hour
		writer := l.guest("writer")
		slow.join(fromNow("lobby"))
		const messages = 100
		for i := range messages {
			writer.publish("lobby", fmt.Sprint(i, strings.Repeat("x", 15<<10)))
			synctest.Wait() // what it does not take at once is little: the transport does not tell of less than a whole response
		}
		rev := uint64(0)
		for rev < messages {
			time.Sleep(15 * time.Second)
			for before := rev; rev < min(before+2, messages); { // grpc-go grants credit for two such messages at a time
				if err := slow.receive(); err != nil {
					t.Fatal(err)
				}
				for _, e := range slow.last.GetEvents() {
					if durable("lobby")(e) {
						rev = contiguous(t, []*chatv1.Event{e}, rev)
					}
				}
			}
		}
		if got := l.service.Stats().Stalled; got != 0 {
			t.Errorf("%d stalled", got)
		}
	})
}

// While too much is on its way to clients that do not take it, others get less at a time, and still everything.
func TestResponsesInFlightAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, config{dial: narrow, delivery: chat.Delivery{SendingBytes: 1, TurnBytes: 1 << 10}})
		writer := l.guest("writer")
		epoch := writer.join(fromNow("lobby")).GetEpoch()
		const messages = 300
		for range messages {
			writer.publish("lobby", strings.Repeat("x", 1<<10))
		}
		stalled := l.guest("stalled")
		stalled.join(resume("lobby", epoch, 0))
		synctest.Wait()
		reader := l.guest("reader")
		reader.send(joinRequest(resume("lobby", epoch, 0)))
		reader.send(joinRequest(resume("other", epoch, 0)))
		largest := 0
		for events := 0; events < messages; {
			if err := reader.receive(); err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, e := range reader.last.GetEvents() {
				if durable("lobby")(e) {
					n++
				}
			}
			events += n
			largest = max(largest, n)
		}
		if largest > 2 {
			t.Errorf("%d events of 1 KiB at once", largest)
		}
		time.Sleep(45 * time.Second) // the stalled one is gone
		here := make(map[string]string)
		if got := roster(reader.pending(isPresence), here); got == "" {
			t.Error("presence was left out for good")
		}
	})
}
