package chat_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// welcome returns who the session is, from its first event.
func (s *session) welcome() *chatv1.Welcome {
	s.tb.Helper()
	e := s.event(func(*chatv1.Event) bool { return true })
	if e.GetWelcome() == nil || e.GetTime() == nil || e.GetRoom() != "" {
		s.tb.Fatalf("the first event is %v", e)
	}
	return e.GetWelcome()
}

func TestFreshGuest(t *testing.T) {
	t.Parallel()
	l := start(t, config{})
	s := l.connect(l.context())
	s.send(helloRequest(&chatv1.Hello{DisplayName: "Ana"}))
	w := s.welcome()
	if w.GetUser().GetDisplayName() != "Ana" || !w.GetUser().GetGuest() || !strings.HasPrefix(w.GetUser().GetId(), "guest-") ||
		w.GetTokenExpires() == nil {
		t.Errorf("welcome: %v", w)
	}
	p, err := l.guests.Authenticate(t.Context(), w.GetGuestToken())
	if err != nil || p.ID != w.GetUser().GetId() || p.Name != "Ana" {
		t.Errorf("the token proves %v, %v", p, err)
	}
	s.join(fromNow("lobby"))
	s.publish("lobby", "hello")
	if m := s.upTo("lobby", 1)[1].GetPosted(); m.GetSender().GetId() != p.ID || m.GetSender().GetDisplayName() != "Ana" {
		t.Errorf("posted as %v", m.GetSender())
	}
}

// The first command makes the guest, if it is not hello; two guests are two people.
func TestGuestWithoutHello(t *testing.T) {
	t.Parallel()
	l := start(t, config{})
	ids := make(map[string]bool)
	for range 2 {
		s := l.connect(l.context())
		s.send(leaveRequest("lobby"))
		w := s.welcome()
		if w.GetUser().GetDisplayName() == "" || w.GetGuestToken() == "" {
			t.Errorf("welcome: %v", w)
		}
		ids[w.GetUser().GetId()] = true
	}
	if len(ids) != 2 {
		t.Errorf("ids: %v", ids)
	}
}

func TestHello(t *testing.T) {
	t.Parallel()
	l := start(t, config{})
	ana, anaToken, err := l.guests.Issue("Ana")
	if err != nil {
		t.Fatal(err)
	}
	_, benToken, err := l.guests.Issue("Ben")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, metadata string
		hello          *chatv1.Hello
		shown          string     // name, if accepted
		refused        string     // field, if refused
		ends           codes.Code // of the stream, if it ends
	}{
		{name: "token in metadata", metadata: anaToken, hello: &chatv1.Hello{}, shown: "Ana"},
		{name: "token in metadata, new name", metadata: anaToken, hello: &chatv1.Hello{DisplayName: "Anna"}, shown: "Anna"},
		{name: "token in hello", hello: &chatv1.Hello{Token: anaToken}, shown: "Ana"},
		{name: "token in hello, new name", hello: &chatv1.Hello{Token: anaToken, DisplayName: "Anna"}, shown: "Anna"},
		{name: "same token twice", metadata: anaToken, hello: &chatv1.Hello{Token: anaToken}, shown: "Ana"},
		{name: "two identities", metadata: anaToken, hello: &chatv1.Hello{Token: benToken}, refused: "hello.token"},
		{name: "bad name", metadata: anaToken, hello: &chatv1.Hello{DisplayName: "a\nb"}, refused: "hello.display_name"},
		{name: "long name", metadata: anaToken, hello: &chatv1.Hello{DisplayName: strings.Repeat("x", 65)}, refused: "hello.display_name"},
		{name: "bad token", hello: &chatv1.Hello{Token: anaToken[:len(anaToken)-1]}, ends: codes.Unauthenticated},
		{name: "bad token in metadata", metadata: "x", hello: &chatv1.Hello{}, ends: codes.Unauthenticated},
		{name: "good token in hello, bad one in metadata", metadata: "x", hello: &chatv1.Hello{Token: anaToken}, ends: codes.Unauthenticated},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := l.context()
			if c.metadata != "" {
				ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.metadata)
			}
			s := l.connect(ctx)
			s.tb = t
			switch {
			case c.ends != codes.OK:
				_ = s.stream.Send(helloRequest(c.hello)) // may come too late
				_, err := s.rest()
				wantCode(t, err, c.ends)
				return
			case c.refused != "":
				if got := s.refused(helloRequest(c.hello)); field(got) != c.refused {
					t.Fatalf("got %v naming %q", got, field(got))
				}
				if len(s.events) != 0 {
					t.Errorf("a refused hello had an effect: %v", s.events)
				}
				if got := s.call(helloRequest(&chatv1.Hello{})).GetHello(); got.GetUser().GetDisplayName() != "Ana" {
					t.Errorf("after a refused hello: %v", got)
				}
			default:
				if got := s.call(helloRequest(c.hello)).GetHello().GetUser(); got.GetId() != ana.ID || got.GetDisplayName() != c.shown {
					t.Fatalf("got %v", got)
				}
			}
			if w := s.welcome(); w.GetUser().GetId() != ana.ID || w.GetGuestToken() != "" {
				t.Errorf("welcome: %v", w)
			}
		})
	}
}

func TestConnectWithoutGuests(t *testing.T) {
	t.Parallel()
	l := start(t, config{noGuests: true})
	_, err := l.connect(l.context()).rest()
	wantCode(t, err, codes.Unauthenticated)

	ctx, p := l.as("Ana")
	s := l.connect(ctx)
	s.send(leaveRequest("lobby"))
	if w := s.welcome(); w.GetUser().GetId() != p.ID {
		t.Errorf("welcome: %v", w)
	}
	_, err = chatv1.NewChatServiceClient(l.conn).CreateGuest(context.Background(), &chatv1.CreateGuestRequest{})
	wantCode(t, err, codes.PermissionDenied)
}
