package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

func stored(requestID string, seq uint64) *chatv1.Reply {
	result := &chatv1.PublishResult{Room: "lobby", Seq: seq, Rev: seq}
	return &chatv1.Reply{RequestId: requestID, Result: &chatv1.Reply_Publish{Publish: result}}
}

func refused(requestID string, s *status.Status) *chatv1.Reply {
	return &chatv1.Reply{RequestId: requestID, Result: &chatv1.Reply_Error{Error: s.Proto()}}
}

func TestPublishesWithoutAnswerAreRepeatedInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		var publications []*client.Publication
		for i := range 5 {
			p, err := c.PublishAsync(t.Context(), "lobby", fmt.Sprint("message ", i))
			if err != nil {
				t.Fatal(err)
			}
			publications = append(publications, p)
		}
		first := map[string]string{} // text by client_id
		for i := range 5 {
			id, publish := s.publish(t)
			first[publish.ClientId] = publish.GetText()
			if i == 0 {
				s.reply(t, stored(id, 1))
			}
		}
		<-publications[0].Done()
		s.cut(status.Error(codes.Unavailable, "cut"))

		s = f.welcomed(t)
		for i := 1; i < 5; i++ {
			id, publish := s.publish(t)
			if want := fmt.Sprint("message ", i); publish.GetText() != want || first[publish.ClientId] != want {
				t.Errorf("repetition %d is %q under a client_id of %q", i, publish.GetText(), first[publish.ClientId])
			}
			s.reply(t, stored(id, uint64(i+1)), stored(id, 99)) // the second answer is one too many
		}
		for i, p := range publications {
			if result, err := p.Wait(t.Context()); err != nil || result.GetSeq() != uint64(i+1) {
				t.Errorf("message %d: %v, %v", i, result, err)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	withRetry, err := status.New(codes.ResourceExhausted, "slow down").
		WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		refusal *status.Status
		repeat  bool
	}{
		"outcome unknown":   {status.New(codes.Unavailable, ""), true},
		"too slow":          {status.New(codes.DeadlineExceeded, ""), true},
		"rate":              {withRetry, true},
		"full":              {status.New(codes.ResourceExhausted, ""), false},
		"invalid":           {status.New(codes.InvalidArgument, ""), false},
		"reused client_id":  {status.New(codes.AlreadyExists, ""), false},
		"fault of a server": {status.New(codes.Internal, ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fakeServer) {
				c := f.client(t)
				s := f.welcomed(t)
				outcome := make(chan error)
				go func() { _, err := c.Publish(t.Context(), "lobby", "hello"); outcome <- err }()
				id, first := s.publish(t)
				s.reply(t, refused(id, test.refusal))
				if !test.repeat {
					if err := <-outcome; status.Code(err) != test.refusal.Code() {
						t.Errorf("Publish: %v", err)
					}
					return
				}
				id, second := s.publish(t)
				if first.ClientId != second.ClientId {
					t.Errorf("repeated under another client_id")
				}
				s.reply(t, stored(id, 1))
				if err := <-outcome; err != nil {
					t.Errorf("Publish: %v", err)
				}
			})
		})
	}
}

func TestPublishGivenUpIsNotRepeated(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Publish(ctx, "lobby", "given up")
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "unknown") {
			t.Errorf("Publish: %v", err)
		}
		s.cut(status.Error(codes.Unavailable, "cut"))
		s = f.welcomed(t)
		go c.Publish(t.Context(), "lobby", "next", client.WithClientID("mine"))
		if _, publish := s.publish(t); publish.GetText() != "next" || publish.GetClientId() != "mine" {
			t.Errorf("got %v", publish)
		}
	})
}

func TestMessageThatEndsSessionsIsNotRepeatedForever(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		small, err := c.PublishAsync(t.Context(), "lobby", "small")
		if err != nil {
			t.Fatal(err)
		}
		large, err := c.PublishAsync(t.Context(), "lobby", strings.Repeat("x", 100<<10))
		if err != nil {
			t.Fatal(err)
		}
		s.publish(t)
		s.publish(t)
		s.cut(status.Error(codes.ResourceExhausted, "message larger than max"))
		if _, err := large.Wait(t.Context()); status.Code(err) != codes.ResourceExhausted {
			t.Errorf("large: %v", err)
		}
		s = f.welcomed(t)
		id, _ := s.publish(t)
		s.reply(t, stored(id, 1))
		if _, err := small.Wait(t.Context()); err != nil {
			t.Errorf("small: %v", err)
		}
	})
}

func TestPublishWaitsForAPlace(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t, client.WithMaxInFlight(2))
		s := f.welcomed(t)
		for range 2 {
			if _, err := c.PublishAsync(t.Context(), "lobby", "hello"); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.PublishAsync(ctx, "lobby", "one too many"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("third: %v", err)
		}
		id, _ := s.publish(t)
		s.reply(t, stored(id, 1))
		if _, err := c.PublishAsync(t.Context(), "lobby", "now there is one"); err != nil {
			t.Errorf("fourth: %v", err)
		}
	})
}

func TestWhatWouldBreakTheSessionIsRefusedHere(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		_, err := c.Publish(t.Context(), "lobby", "\xff")
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("invalid UTF-8: %v", err)
		}
		_, err = c.PublishData(t.Context(), "lobby", &chatv1.Data{Type: "x", Value: make([]byte, 1<<20)})
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("a megabyte: %v", err)
		}
		if _, err := c.Join(t.Context(), "\xff", client.FromNow()); status.Code(err) != codes.InvalidArgument {
			t.Errorf("room: %v", err)
		}
		synctest.Wait()
	})
}

// Once the server says that it is too much, messages go one at a time until none waits: so they keep their order, and a server
// that has had enough is not asked in vain.
func TestTooMuchIsSentOneByOne(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		say := func(texts ...string) {
			t.Helper()
			for _, text := range texts {
				if _, err := c.PublishAsync(t.Context(), "lobby", text); err != nil {
					t.Fatal(err)
				}
			}
		}
		say("a", "b", "c", "d")
		for range 4 {
			id, _ := s.publish(t)
			s.reply(t, refused(id, status.Convert(tooMuch(5*time.Second))))
		}
		began := time.Now()
		type request struct{ id, text string }
		requests := make(chan request)
		go func() { // ends with the last expected request
			for range 6 {
				id, publish := s.publish(t)
				requests <- request{id, publish.GetText()}
			}
		}()
		for i, want := range []string{"a", "b", "c", "d"} {
			got := <-requests
			synctest.Wait()
			select {
			case more := <-requests:
				t.Errorf("%q is sent before %q is stored", more.text, got.text)
			default:
			}
			if got.text != want || time.Since(began) < 5*time.Second {
				t.Errorf("%q after %v, want %q", got.text, time.Since(began), want)
			}
			s.reply(t, stored(got.id, uint64(i+1)))
		}
		synctest.Wait()
		say("e", "f") // at once again
		<-requests
		<-requests
	})
}
