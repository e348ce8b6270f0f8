package client_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

func TestFreshGuestKeepsItsToken(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		var saved []string
		f.listMsgs = func(ctx context.Context, _ *chatv1.ListMessagesRequest) (*chatv1.ListMessagesResponse, error) {
			md, _ := metadata.FromIncomingContext(ctx)
			if got := md.Get("authorization"); len(got) != 1 || got[0] != "Bearer guest-token" {
				t.Errorf("unary call has authorization %q", got)
			}
			return &chatv1.ListMessagesResponse{}, nil
		}
		c := f.client(t, client.WithDisplayName("ana"),
			client.WithTokenSaver(func(token string, _ time.Time) { saved = append(saved, token) }))
		calls := make(chan error)
		go func() { // before the welcome: it has to wait for who it is
			_, err := c.Messages().ListMessages(t.Context(), &chatv1.ListMessagesRequest{Room: "lobby"})
			calls <- err
		}()

		s := f.accept()
		if got := s.authorization(); got != "" {
			t.Errorf("first session has authorization %q", got)
		}
		synctest.Wait()
		if hello := s.answerHello(t, &chatv1.Welcome{User: ana, GuestToken: "guest-token"}); hello.DisplayName != "ana" {
			t.Errorf("hello %v", hello)
		}
		if user, err := c.Ready(t.Context()); err != nil || user.GetId() != ana.Id {
			t.Fatalf("Ready: %v, %v", user, err)
		}
		if err := <-calls; err != nil {
			t.Error(err)
		}
		s.cut(status.Error(codes.Unavailable, "going away"))
		if got := f.accept().authorization(); got != "Bearer guest-token" {
			t.Errorf("second session has authorization %q", got)
		}
		if len(saved) != 1 || saved[0] != "guest-token" {
			t.Errorf("saved %q", saved)
		}
	})
}

func TestNothingIsSentBeforeItIsKnownAsWhom(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		go c.Publish(t.Context(), "lobby", "hello")
		s := f.accept()
		if s.recv(t).GetHello() == nil {
			t.Fatal("no hello")
		}
		synctest.Wait()
		// The next frame is the probe of a silent session, not the publish: this stream could break before it said who
		// we are, and the repetition would be somebody else's.
		if request := s.recv(t); request.GetCommand() != nil {
			t.Fatalf("got %v", request)
		}
	})
}

func TestFinalRefusalEndsTheClient(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t, client.WithToken("expired"))
		publish := make(chan error)
		go func() {
			_, err := c.Publish(t.Context(), "lobby", "hello")
			publish <- err
		}()
		f.accept().cut(status.Error(codes.Unauthenticated, "invalid token"))
		<-c.Done()
		if status.Code(c.Err()) != codes.Unauthenticated {
			t.Errorf("Err() = %v", c.Err())
		}
		if err := <-publish; status.Code(err) != codes.Unauthenticated {
			t.Errorf("Publish: %v", err)
		}
		if _, err := c.Join(t.Context(), "lobby", client.FromNow()); status.Code(err) != codes.Unauthenticated {
			t.Errorf("Join: %v", err)
		}
		if state := c.State(); state.Phase != client.Closed || state.Err == nil {
			t.Errorf("state %v", state)
		}
	})
}

func TestRefusedHelloEndsTheClient(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t, client.WithDisplayName("an\u0001a"))
		s := f.accept()
		s.reply(t, &chatv1.Reply{
			RequestId: s.recv(t).RequestId,
			Result:    &chatv1.Reply_Error{Error: status.New(codes.InvalidArgument, "display_name").Proto()},
		})
		if _, err := c.Ready(t.Context()); status.Code(err) != codes.InvalidArgument {
			t.Errorf("Ready: %v", err)
		}
	})
}

func TestRetryInfoIsHonoured(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		f.client(t, client.WithBackoff(100*time.Millisecond, time.Second))
		s := f.welcomed(t)
		drain, err := status.New(codes.Unavailable, "going away").
			WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(20 * time.Second)})
		if err != nil {
			t.Fatal(err)
		}
		s.cut(drain.Err())
		began := time.Now()
		f.accept()
		if waited := time.Since(began); waited < 20*time.Second || waited > 20200*time.Millisecond {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestBackoffGrowsToItsLimit(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		f.client(t, client.WithBackoff(100*time.Millisecond, 2*time.Second))
		longest := time.Duration(0)
		for range 60 {
			began := time.Now()
			f.accept().cut(status.Error(codes.Internal, "fault"))
			longest = max(longest, time.Since(began))
		}
		if longest < 500*time.Millisecond || longest > 2*time.Second {
			t.Errorf("longest wait %v, want most of 2s", longest)
		}
	})
}

func TestDeadServerShowsWithin25Seconds(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		s := f.welcomed(t)
		began := time.Now()
		if request := s.recv(t); request.GetCommand() != nil {
			t.Fatalf("got %v, want a probe", request)
		}
		if silent := time.Since(began); silent != 15*time.Second {
			t.Errorf("probe after %v", silent)
		}
		s.send(t, &chatv1.ConnectResponse{}) // alive
		synctest.Wait()
		began = time.Now()
		s.recv(t) // and now it hangs
		for state := range c.States(t.Context()) {
			if state.Phase == client.Waiting {
				break
			}
		}
		if silent := time.Since(began); silent != 25*time.Second {
			t.Errorf("given up after %v", silent)
		}
		f.welcomed(t)
	})
}

func TestStates(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		expect := func(want client.Phase) {
			t.Helper()
			synctest.Wait()
			if state := c.State(); state.Phase != want {
				t.Fatalf("state %v, want %v", state, want)
			}
		}
		s := f.accept()
		expect(client.Connecting)
		s.answerHello(t, &chatv1.Welcome{User: ana, GuestToken: "guest-token"})
		expect(client.Live)
		room := joinRoom(t, c, s, 2)
		expect(client.CatchingUp)
		s.event(t, snapshot(2)...)
		expect(client.Live)

		s.cut(status.Error(codes.Unavailable, "going away"))
		expect(client.Waiting)
		if state := c.State(); status.Code(state.Err) != codes.Unavailable || !state.RetryAt.After(time.Now()) {
			t.Errorf("state %v", state)
		}
		s = f.welcomed(t)
		s.join(t, 3, true)
		expect(client.CatchingUp)
		s.event(t, posted(3))
		expect(client.Live)
		room.Leave()
		c.Close()
		expect(client.Closed)
	})
}

func TestRenameBeginsAnotherSession(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t, client.WithDisplayName("ana"))
		s := f.welcomed(t)
		joinRoom(t, c, s, 1)
		s.event(t, snapshot(1)...)
		synctest.Wait()
		began := time.Now()
		if err := c.SetDisplayName("anna"); err != nil {
			t.Fatal(err)
		}
		s = f.accept()
		if hello := s.answerHello(t, &chatv1.Welcome{User: ana}); hello.DisplayName != "anna" {
			t.Errorf("hello %v", hello)
		}
		if join := s.join(t, 1, true); join.GetResume().GetRev() != 1 {
			t.Errorf("join %v", join)
		}
		if time.Since(began) != 0 {
			t.Errorf("waited %v", time.Since(began))
		}
		if err := c.SetDisplayName(""); err == nil {
			t.Error("empty name accepted")
		}
	})
}

func TestCloseEndsWhatWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		c := f.client(t)
		room := joinRoom(t, c, f.welcomed(t), 0)
		ends := make(chan error, 2)
		go func() { _, err := room.Publish(t.Context(), "hello"); ends <- err }()
		go func() { _, err := room.Next(t.Context()); ends <- err }()
		synctest.Wait()
		c.Close()
		for range 2 {
			if err := <-ends; !errors.Is(err, client.ErrClosed) {
				t.Errorf("got %v", err)
			}
		}
		if _, err := c.Join(t.Context(), "other", client.FromNow()); !errors.Is(err, client.ErrClosed) {
			t.Errorf("Join: %v", err)
		}
		if _, err := room.Publish(t.Context(), "hello"); !errors.Is(err, client.ErrClosed) {
			t.Errorf("Publish: %v", err)
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]client.Option{
		"token with a newline": client.WithToken("a\nb"),
		"empty name":           client.WithDisplayName(""),
		"name not UTF-8":       client.WithDisplayName("\xff"),
		"nil logger":           client.WithLogger(nil),
		"nil saver":            client.WithTokenSaver(nil),
		"no backoff":           client.WithBackoff(0, time.Second),
		"limit below base":     client.WithBackoff(time.Second, time.Millisecond),
		"no buffer":            client.WithBuffer(0),
		"nothing in flight":    client.WithMaxInFlight(0),
	} {
		if _, err := client.New(nil, option); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// joinRoom joins lobby over s, whose head is at rev head.
func joinRoom(t *testing.T, c *client.Client, s *fakeSession, head uint64) *client.Room {
	t.Helper()
	rooms := make(chan *client.Room)
	go func() {
		room, err := c.Join(t.Context(), "lobby", client.History(50))
		if err != nil {
			t.Error(err)
		}
		rooms <- room
	}()
	if join := s.join(t, head, false); join.Room != "lobby" || join.GetHistory() != 50 {
		t.Errorf("join %v", join)
	}
	return <-rooms
}
