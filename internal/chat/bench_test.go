package chat_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/rialto-rpc/rialto/bridge"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat"
)

// sink is the server's side of a Connect whose client takes everything at once: what delivery costs without a transport.
type sink struct {
	chatv1.ChatService_ConnectServer
	ctx      context.Context
	requests chan *chatv1.ConnectRequest
	joined   *sync.WaitGroup
	missing  *atomic.Int64 // deliveries of the message on its way
	all      chan struct{} // gets one when nothing is missing
	stall    chan struct{} // nil but for one whose client takes no message until this is closed
}

func (s *sink) Context() context.Context { return s.ctx }

func (s *sink) Recv() (*chatv1.ConnectRequest, error) {
	select {
	case req := <-s.requests:
		return req, nil
	case <-s.ctx.Done():
		return nil, io.EOF
	}
}

func (s *sink) SendMsg(m any) error {
	parts, err := m.(bridge.Encoded).EncodedProto()
	if err != nil {
		return err
	}
	var resp chatv1.ConnectResponse
	for _, part := range parts {
		if err := (proto.UnmarshalOptions{Merge: true}).Unmarshal(part, &resp); err != nil {
			return err
		}
	}
	for _, e := range resp.GetEvents() {
		if e.GetPosted() != nil && s.stall != nil {
			<-s.stall
		}
		switch {
		case e.GetSnapshot() != nil:
			s.joined.Done()
		case e.GetPosted() != nil && s.missing.Add(-1) == 0:
			s.all <- struct{}{}
		}
	}
	return nil
}

// BenchmarkFanout measures one published message to everybody in its room, from the publish to the last delivery.
func BenchmarkFanout(b *testing.B) {
	for _, readers := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(readers), func(b *testing.B) {
			l := start(b, config{delivery: chat.Delivery{Window: -1}})
			var joined, ended sync.WaitGroup
			var missing atomic.Int64
			all := make(chan struct{}, 1)
			ctx, cancel := context.WithCancel(b.Context())
			joined.Add(readers)
			for range readers {
				s := &sink{ctx: ctx, requests: make(chan *chatv1.ConnectRequest, 1), joined: &joined, missing: &missing, all: all}
				s.requests <- joinRequest(fromNow("lobby"))
				ended.Go(func() { _ = l.service.Connect(s) })
			}
			joined.Wait()
			writer := l.guest("writer")
			b.ReportAllocs()
			for b.Loop() {
				missing.Store(int64(readers))
				writer.publish("lobby", "one hundred and twenty bytes are about what people write into a chat")
				<-all
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*readers), "ns/delivery")
			cancel()
			ended.Wait()
		})
	}
}
