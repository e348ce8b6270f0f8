package load

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/history"
)

// resumer follows the room by the bare protocol: what the SDK hides, that a join was resumed or reset, is what it is for.
// It holds no opinion of what comes; the checker has.
type resumer struct {
	conn grpc.ClientConnInterface
	room string
	note history.Observing
	rev  atomic.Uint64 // of the last event

	// Those of run, and anybody's afterwards.
	epoch          string
	parts          []*chatv1.Message // of a snapshot that is not whole yet
	resumed, reset int
}

// resumeEvery is how long a connection lives before the resumer drops it by itself.
const resumeEvery = 700 * time.Millisecond

func (r *resumer) run(ctx context.Context) {
	for ctx.Err() == nil {
		r.connect(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// connect is one connection's life.
func (r *resumer) connect(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, resumeEvery)
	defer cancel()
	stream, err := chatv1.NewChatServiceClient(r.conn).Connect(ctx)
	if err != nil {
		return
	}
	s := attempt{resumer: r, join: history.Join{Start: r.note.Joining()}}
	join := &chatv1.Join{Room: r.room, Start: &chatv1.Join_History{History: 10}}
	if r.epoch != "" {
		s.join.Asked = &history.Position{Epoch: r.epoch, Rev: r.rev.Load()}
		join.Start = &chatv1.Join_Resume{Resume: &chatv1.Resume{Epoch: r.epoch, Rev: r.rev.Load()}}
	}
	if stream.Send(&chatv1.ConnectRequest{RequestId: "j", Command: &chatv1.ConnectRequest_Join{Join: join}}) != nil {
		return // Recv would say why; another connection follows anyway
	}
	for {
		resp, err := stream.Recv()
		if err != nil {
			return
		}
		s.take(resp)
	}
}

// attempt is a connection up to the answer to its join: events may come before it.
type attempt struct {
	*resumer
	join  history.Join
	early []*chatv1.Event
	done  bool
}

func (s *attempt) take(resp *chatv1.ConnectResponse) {
	for _, reply := range resp.GetReplies() {
		if join := reply.GetJoin(); join != nil {
			s.joined(join)
		}
	}
	for _, event := range resp.GetEvents() {
		if event.GetRoom() != s.room || event.GetRev() == 0 && event.GetSnapshot() == nil {
			continue
		}
		if !s.done {
			s.early = append(s.early, event)
			continue
		}
		s.event(event)
	}
}

func (s *attempt) joined(join *chatv1.JoinResult) {
	s.join.Resumed, s.join.Epoch, s.join.HeadRev = join.GetResumed(), join.GetEpoch(), join.GetRoom().GetHeadRev()
	s.note.Joined(s.join)
	s.done = true
	s.parts = nil
	switch {
	case s.join.Resumed:
		s.resumed++
	case s.join.Asked != nil:
		s.reset++
	}
	for _, event := range s.early {
		s.event(event)
	}
	s.early = nil
}

func (r *resumer) event(event *chatv1.Event) {
	snapshot := event.GetSnapshot()
	if snapshot == nil {
		r.note.Event(eventOf(r.epoch, event))
		r.rev.Store(event.GetRev())
		return
	}
	r.parts = append(r.parts, snapshot.GetMessages()...)
	if snapshot.GetMore() {
		return
	}
	r.note.Snapshot(pageOf(snapshot.GetEpoch(), snapshot.GetRoom(), r.parts))
	r.epoch, r.parts = snapshot.GetEpoch(), nil
	r.rev.Store(event.GetRev())
}

// catchUp waits until the resumer has seen the room up to rev.
func (r *resumer) catchUp(ctx context.Context, rev uint64) error {
	return waitFor(ctx, &r.rev, rev, nil)
}
