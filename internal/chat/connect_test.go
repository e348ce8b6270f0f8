package chat_test

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat"
)

func TestTwoPeopleTalk(t *testing.T) {
	t.Parallel()
	l := start(t, config{})
	ana, ben := l.guest("Ana"), l.guest("Ben")
	for _, s := range []*session{ana, ben} {
		got := s.join(history("lobby", 50))
		if got.GetRoom().GetId() != "lobby" || got.GetRoom().GetHeadRev() != 0 || got.GetEpoch() == "" || got.GetResumed() {
			t.Errorf("joined an empty room: %v", got)
		}
		snapshot := s.event(durable("lobby"))
		if snapshot.GetRev() != 0 || len(snapshot.GetSnapshot().GetMessages()) != 0 || snapshot.GetSnapshot().GetEpoch() != got.GetEpoch() {
			t.Errorf("snapshot of an empty room: %v", snapshot)
		}
	}
	first := ana.publish("lobby", "hello")
	if first.GetSeq() != 1 || first.GetRev() != 1 || first.GetRoom() != "lobby" || first.GetTime() == nil || first.GetDuplicate() {
		t.Errorf("first publish: %v", first)
	}
	ben.publish("lobby", "hi")
	for _, s := range []*session{ana, ben} {
		events := s.upTo("lobby", 2)
		var said []string
		for _, e := range events {
			m := e.GetPosted()
			said = append(said, fmt.Sprintf("%d %d %s: %s", e.GetRev(), m.GetSeq(), m.GetSender().GetDisplayName(), m.GetText()))
		}
		if got, want := strings.Join(said, "\n"), "1 1 Ana: hello\n2 2 Ben: hi"; got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

func TestCommandsThatAreRefused(t *testing.T) {
	t.Parallel()
	l := start(t, config{})
	s := l.guest("Ana")
	s.publish("lobby", "hello")
	long := strings.Repeat("x", 100<<10)
	for _, c := range []struct {
		name  string
		req   *chatv1.ConnectRequest
		code  codes.Code
		field string
	}{
		{"join, no room", joinRequest(fromNow("")), codes.InvalidArgument, "join.room"},
		{"join, long room", joinRequest(fromNow(long)), codes.InvalidArgument, "join.room"},
		{"leave, bad room", leaveRequest("A"), codes.InvalidArgument, "leave.room"},
		{"publish, no room", publishRequest("", "x"), codes.InvalidArgument, "publish.room"},
		{"publish, no text", publishRequest("lobby", ""), codes.InvalidArgument, "publish.text"},
		{"publish, long text", publishRequest("lobby", long), codes.InvalidArgument, "publish.text"},
		{"publish, control character", publishRequest("lobby", "a\x00b"), codes.InvalidArgument, "publish.text"},
		{"publish, no body", &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Publish{
			Publish: &chatv1.Publish{Room: "lobby"}}}, codes.InvalidArgument, "publish.body"},
		{"signal, bad room", typingRequest(" ", true), codes.InvalidArgument, "signal.room"},
		{"signal, nothing said", &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Signal{
			Signal: &chatv1.Signal{Room: "lobby"}}}, codes.InvalidArgument, "signal.signal"},
		{"signal, not joined", typingRequest("lobby", true), codes.FailedPrecondition, ""},
		{"mark_read, no room", markReadRequest("", 1), codes.InvalidArgument, "mark_read.room"},
		{"mark_read, no such room", markReadRequest("nowhere", 0), codes.NotFound, ""},
		{"mark_read, no such message", markReadRequest("lobby", 2), codes.OutOfRange, ""},
		{"hello, too late", helloRequest(&chatv1.Hello{}), codes.FailedPrecondition, ""},
	} {
		got := s.refused(c.req)
		if got.Code() != c.code || field(got) != c.field {
			t.Errorf("%s: got %v naming %q, want %v naming %q", c.name, got, field(got), c.code, c.field)
		}
	}
	if got := s.publish("lobby", "still here").GetSeq(); got != 2 {
		t.Errorf("seq after refusals: %d, want 2", got)
	}
}

// Without a request_id only errors are replied; one that cannot be repeated is not.
func TestRepliesWithoutRequestID(t *testing.T) {
	t.Parallel()
	l := start(t, config{})
	s := l.guest("Ana")
	s.send(publishRequest("lobby", "no reply"))
	s.send(publishRequest("lobby", ""))
	s.send(&chatv1.ConnectRequest{RequestId: strings.Repeat("r", 65), Command: leaveRequest("lobby").GetCommand()})
	s.publish("lobby", "the last")
	if len(s.replies) != 2 {
		t.Fatalf("replies: %v", s.replies)
	}
	for _, r := range s.replies {
		if r.GetRequestId() != "" || codes.Code(r.GetError().GetCode()) != codes.InvalidArgument {
			t.Errorf("reply: %v", r)
		}
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	l := start(t, config{})
	s := l.connect(l.context())
	for range 3 {
		s.send(&chatv1.ConnectRequest{})
		resp, err := s.stream.Recv()
		if err != nil || proto.Size(resp) != 0 {
			t.Fatalf("answer to a probe: %v, %v", resp, err)
		}
	}
	if events, err := s.end(); err != nil || len(events) != 0 {
		t.Errorf("a session that never began: %v, %v", events, err)
	}
}

// A request that holds no command, or one that this server does not know, is no probe.
func TestRequestWithoutCommand(t *testing.T) {
	t.Parallel()
	unknown := &chatv1.ConnectRequest{}
	unknown.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 1000, protowire.VarintType), 1))
	for name, req := range map[string]*chatv1.ConnectRequest{
		"only an id":      {RequestId: "1"},
		"unknown command": unknown,
	} {
		l := start(t, config{})
		s := l.guest("Ana")
		s.send(publishRequest("lobby", "before"))
		s.send(req)
		_, err := s.rest()
		if got := wantCode(t, err, codes.InvalidArgument); field(got) != "command" {
			t.Errorf("%s: %v", name, got)
		}
		if got := l.guest("Ben").join(fromNow("lobby")).GetRoom().GetHeadSeq(); got != 1 {
			t.Errorf("%s: what came before is not stored", name)
		}
	}
}

func TestHalfClose(t *testing.T) {
	t.Parallel()
	for name, delivery := range map[string]chat.Delivery{"default": {}, "tiny": tiny} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := start(t, config{delivery: delivery})
			other := l.guest("Ben")
			for i := range 20 {
				other.publish("lobby", fmt.Sprint("old ", i))
			}
			epoch := other.join(fromNow("lobby")).GetEpoch()
			s := l.guest("Ana")
			s.send(joinRequest(resume("lobby", epoch, 0)))
			for i := range 50 {
				req := publishRequest("lobby", fmt.Sprint("new ", i))
				req.RequestId = fmt.Sprint(i)
				s.send(req)
			}
			s.send(markReadRequest("lobby", 1))
			events, err := s.end()
			if err != nil {
				t.Fatal(err)
			}
			rev := uint64(0)
			for _, e := range events {
				if durable("lobby")(e) {
					rev++
					if e.GetRev() != rev {
						t.Fatalf("rev %d after %d", e.GetRev(), rev-1)
					}
				}
			}
			if rev != 70 {
				t.Errorf("delivered up to rev %d, want 70", rev)
			}
			for i := range 50 {
				if r := s.reply(fmt.Sprint(i)).GetPublish(); r.GetSeq() != uint64(21+i) {
					t.Errorf("reply %d: %v", i, r)
				}
			}
		})
	}
}
