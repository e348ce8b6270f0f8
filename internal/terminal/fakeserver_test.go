package terminal

import (
	"context"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// fakeServer notes the unary calls that are made, and answers them as the test says.
type fakeServer struct {
	calls   []string
	answers map[string]proto.Message // by method; others are empty
	refusal error                    // of the next calls

	members  []*chatv1.Member
	bans     []*chatv1.Ban
	requests []*chatv1.MembershipRequest
	audit    []*chatv1.AuditEntry
}

func (f *fakeServer) Conn() grpc.ClientConnInterface { return f }

func (f *fakeServer) Invoke(_ context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	name := path.Base(method)
	text := prototext.MarshalOptions{}.Format(args.(proto.Message))
	f.calls = append(f.calls, name+" "+squeeze(text))
	if answer := f.answers[name]; answer != nil {
		proto.Merge(reply.(proto.Message), answer)
	}
	return f.refusal
}

func (f *fakeServer) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, fmt.Errorf("no streams here")
}

func (f *fakeServer) ListMembers(context.Context, string) iter.Seq2[*chatv1.Member, error] {
	return listed(f.members, f.refusal)
}

func (f *fakeServer) ListBans(context.Context, string) iter.Seq2[*chatv1.Ban, error] {
	return listed(f.bans, f.refusal)
}

func (f *fakeServer) ListMembershipRequests(context.Context, string) iter.Seq2[*chatv1.MembershipRequest, error] {
	return listed(f.requests, f.refusal)
}

func (f *fakeServer) ListAuditEntries(context.Context, string) iter.Seq2[*chatv1.AuditEntry, error] {
	return listed(f.audit, f.refusal)
}

func listed[Entry any](entries []Entry, refusal error) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, entry := range entries {
			if !yield(entry, nil) {
				return
			}
		}
		if refusal != nil {
			var none Entry
			yield(none, refusal)
		}
	}
}

// asked checks which calls were made since.
func (s *screen) asked(want ...string) {
	s.t.Helper()
	for i := range want {
		want[i] = squeeze(want[i])
	}
	if !slices.Equal(s.chat.calls, want) {
		s.t.Errorf("asked the server for %q, want %q", s.chat.calls, want)
	}
	s.chat.calls = nil
}

// squeeze makes of a message's text, which varies in its spaces, one that does not.
func squeeze(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return strings.NewReplacer(": ", ":", "{ ", "{", " }", "}").Replace(text)
}
