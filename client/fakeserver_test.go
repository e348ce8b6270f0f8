package client_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rialto-rpc/rialto/bridge"
	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inBubble runs a test over every wire, each time in a bubble of faked time, in which a wait costs nothing and is exact.
func inBubble(t *testing.T, test func(t *testing.T, f *fakeServer)) {
	t.Helper()
	t.Parallel()
	for name, serve := range map[string]wire{"grpc": serveGRPC, "bridge": serveBridge} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { test(t, newFakeServer(t, serve)) })
		})
	}
}

// wire has services served, and returns a connection to them; both last until the test ends.
type wire func(t *testing.T, register func(grpc.ServiceRegistrar)) (dial func() grpc.ClientConnInterface)

// serveGRPC is native gRPC.
func serveGRPC(t *testing.T, register func(grpc.ServiceRegistrar)) func() grpc.ClientConnInterface {
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer()
	register(server)
	served := make(chan struct{})
	go func() { defer close(served); server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); <-served })
	return func() grpc.ClientConnInterface {
		conn, err := grpc.NewClient("passthrough:///fake",
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
			grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
}

// serveBridge is the bridge's multiplexed mode.
func serveBridge(t *testing.T, register func(grpc.ServiceRegistrar)) func() grpc.ClientConnInterface {
	listener := bufconn.Listen(1 << 16)
	handler, err := bridge.NewHandler()
	if err != nil {
		t.Fatal(err)
	}
	register(handler)
	server := &http.Server{Handler: handler}
	served := make(chan struct{})
	go func() { defer close(served); server.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // what runs is cut short
		handler.Drain(ctx)
		server.Close()
		<-served
	})
	return func() grpc.ClientConnInterface {
		conn, err := bridge.Dial("ws://fake",
			bridge.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
}

// fakeServer is a chat server whose side of each session is written out by the test, frame by frame.
type fakeServer struct {
	chatv1.UnimplementedChatServiceServer
	chatv1.UnimplementedMessageServiceServer
	chatv1.UnimplementedMemberServiceServer
	sessions chan *fakeSession
	dial     func() grpc.ClientConnInterface
	listMsgs func(context.Context, *chatv1.ListMessagesRequest) (*chatv1.ListMessagesResponse, error)
	edit     func(*chatv1.EditMessageRequest) error
	ban      func(context.Context) error
}

// newFakeServer serves until the test ends.
func newFakeServer(t *testing.T, serve wire) *fakeServer {
	t.Helper()
	f := &fakeServer{sessions: make(chan *fakeSession)}
	f.dial = serve(t, func(r grpc.ServiceRegistrar) {
		chatv1.RegisterChatServiceServer(r, f)
		chatv1.RegisterMessageServiceServer(r, f)
		chatv1.RegisterMemberServiceServer(r, f)
	})
	return f
}

// client returns a client of the server that lives as long as the test.
func (f *fakeServer) client(t *testing.T, opts ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New(f.dial(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func (f *fakeServer) Connect(stream chatv1.ChatService_ConnectServer) error {
	s := &fakeSession{stream: stream, end: make(chan error, 1)}
	select {
	case f.sessions <- s:
	case <-stream.Context().Done():
		return stream.Context().Err()
	}
	select {
	case err := <-s.end:
		return err
	case <-stream.Context().Done():
		return stream.Context().Err()
	}
}

func (f *fakeServer) ListMessages(ctx context.Context, r *chatv1.ListMessagesRequest) (*chatv1.ListMessagesResponse, error) {
	return f.listMsgs(ctx, r)
}

func (f *fakeServer) EditMessage(_ context.Context, r *chatv1.EditMessageRequest) (*chatv1.EditMessageResponse, error) {
	if err := f.edit(r); err != nil {
		return nil, err
	}
	return &chatv1.EditMessageResponse{Message: message(r.GetSeq())}, nil
}

func (f *fakeServer) BanMember(ctx context.Context, _ *chatv1.BanMemberRequest) (*chatv1.BanMemberResponse, error) {
	return &chatv1.BanMemberResponse{}, f.ban(ctx)
}

// fakeSession is the server's end of one Connect stream.
type fakeSession struct {
	stream chatv1.ChatService_ConnectServer
	end    chan error // what the stream ends with
}

// accept waits for the next session.
func (f *fakeServer) accept() *fakeSession { return <-f.sessions }

// welcomed waits for the next session and its hello, and says welcome to a fresh guest.
func (f *fakeServer) welcomed(t *testing.T) *fakeSession {
	t.Helper()
	s := f.accept()
	s.answerHello(t, &chatv1.Welcome{User: ana, GuestToken: "guest-token"})
	return s
}

func (s *fakeSession) answerHello(t *testing.T, welcome *chatv1.Welcome) *chatv1.Hello {
	t.Helper()
	request := s.recv(t)
	if request.GetHello() == nil {
		t.Fatalf("first command is %v, want hello", request)
	}
	s.event(t, &chatv1.Event{Kind: &chatv1.Event_Welcome{Welcome: welcome}})
	s.reply(t, &chatv1.Reply{
		RequestId: request.RequestId,
		Result:    &chatv1.Reply_Hello{Hello: &chatv1.HelloResult{User: welcome.User}},
	})
	return request.GetHello()
}

func (s *fakeSession) recv(t *testing.T) *chatv1.ConnectRequest {
	t.Helper()
	request, err := s.stream.Recv()
	if err != nil {
		t.Fatalf("client ended the stream: %v", err)
	}
	return request
}

func (s *fakeSession) send(t *testing.T, response *chatv1.ConnectResponse) {
	t.Helper()
	if err := s.stream.Send(response); err != nil {
		t.Fatalf("send: %v", err)
	}
}

func (s *fakeSession) event(t *testing.T, events ...*chatv1.Event) {
	t.Helper()
	s.send(t, &chatv1.ConnectResponse{Events: events})
}

func (s *fakeSession) reply(t *testing.T, replies ...*chatv1.Reply) {
	t.Helper()
	s.send(t, &chatv1.ConnectResponse{Replies: replies})
}

// join waits for a join and confirms it; resumed says whether exactly after its position.
func (s *fakeSession) join(t *testing.T, head uint64, resumed bool) *chatv1.Join {
	t.Helper()
	request := s.recv(t)
	join := request.GetJoin()
	if join == nil {
		t.Fatalf("got %v, want join", request)
	}
	s.reply(t, &chatv1.Reply{RequestId: request.RequestId, Result: &chatv1.Reply_Join{Join: &chatv1.JoinResult{
		Epoch: epoch, Resumed: resumed, Room: &chatv1.Room{Id: join.Room, HeadRev: head, HeadSeq: head},
	}}})
	return join
}

// publish waits for a publish, without answering it.
func (s *fakeSession) publish(t *testing.T) (requestID string, publish *chatv1.Publish) {
	t.Helper()
	request := s.recv(t)
	if request.GetPublish() == nil {
		t.Fatalf("got %v, want publish", request)
	}
	return request.RequestId, request.GetPublish()
}

// cut ends the stream as a server that goes away does.
func (s *fakeSession) cut(err error) { s.end <- err }

func (s *fakeSession) authorization() string {
	md, _ := metadata.FromIncomingContext(s.stream.Context())
	if values := md.Get("authorization"); len(values) == 1 {
		return values[0]
	}
	return ""
}

const epoch = "epoch-1"

var (
	ana = &chatv1.User{Id: "guest-ana", DisplayName: "ana", Guest: true}
	ben = &chatv1.User{Id: "guest-ben", DisplayName: "ben", Guest: true}
)

func posted(rev uint64) *chatv1.Event {
	return &chatv1.Event{Room: "lobby", Rev: rev, Time: timestamppb.Now(), Kind: &chatv1.Event_Posted{Posted: message(rev)}}
}

func message(seq uint64) *chatv1.Message {
	return &chatv1.Message{Room: "lobby", Seq: seq, Rev: seq, Sender: ben, Body: &chatv1.Message_Text{Text: "hello"}}
}

func snapshot(rev uint64, parts ...*chatv1.Snapshot) []*chatv1.Event {
	if len(parts) == 0 {
		parts = []*chatv1.Snapshot{{}}
	}
	var events []*chatv1.Event
	for i, part := range parts {
		if part.Epoch == "" {
			part.Epoch = epoch
		}
		part.Room = &chatv1.Room{Id: "lobby", HeadRev: rev}
		part.Continued, part.More = i > 0, i < len(parts)-1
		event := &chatv1.Event{Room: "lobby", Kind: &chatv1.Event_Snapshot{Snapshot: part}}
		if !part.More {
			event.Rev = rev
		}
		events = append(events, event)
	}
	return events
}
