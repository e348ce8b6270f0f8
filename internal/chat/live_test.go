package chat_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/rialto-rpc/rialto/bridge"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer/local"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// tiny makes every way of delivery short: most events are read from disk, most responses hold one.
var tiny = chat.Delivery{WindowEvents: 4, BlockEvents: 3, MemoryBytes: 1 << 20, TurnBytes: 200, ResponseBytes: 400}

// narrow makes what a client does not take fill a stream soon, and not its connection.
var narrow = []grpc.DialOption{grpc.WithInitialWindowSize(64 << 10), grpc.WithInitialConnWindowSize(64 << 20)}

// live is a service on a real store and sequencer, served by a grpc.Server in memory.
type live struct {
	tb      testing.TB
	service *chat.Service
	store   *state.Store
	guests  *auth.Guests
	conn    grpc.ClientConnInterface
}

// config is what a test may change about it.
type config struct {
	fs       vfs.FS // nil: fresh
	delivery chat.Delivery
	maxRooms int
	noGuests bool
	linger   time.Duration // of the sequencer; 0: its default
	logger   *slog.Logger
	wrap     func(sequencer.Sequencer) sequencer.Sequencer // nil: none
	reads    func(chat.Store) chat.Store                   // nil: none
	dial     []grpc.DialOption
	keep     chat.Retention
	eraser   func(*state.Store) chat.Eraser // nil: none
	limits   chat.Limits
	rates    chat.Rates
	clock    func() time.Time // nil: time.Now

	// What the committer does, if they are not nil, around the publication of a View before which somebody was shut out.
	beforeView, afterView func()
}

// tellWhenShutOut calls beforeView and afterView.
func (c config) tellWhenShutOut(o state.Options) state.Options {
	onShutOut, onCommit := o.OnShutOut, o.OnCommit
	if c.beforeView != nil {
		o.OnShutOut = func(shutOuts []state.ShutOut) { onShutOut(shutOuts); c.beforeView() }
	}
	if c.afterView != nil {
		o.OnCommit = func(change *state.Change) {
			if len(change.ShutOuts) > 0 {
				c.afterView()
			}
			onCommit(change)
		}
	}
	return o
}

func start(tb testing.TB, c config) *live {
	tb.Helper()
	if c.fs == nil {
		c.fs = vfs.NewMem()
	}
	hub := chat.NewHub()
	store, err := state.Open("data", c.tellWhenShutOut(state.Options{FS: c.fs, OnCommit: hub.OnCommit, OnShutOut: hub.OnShutOut}))
	if err != nil {
		tb.Fatal(err)
	}
	l := &live{tb: tb, store: store, guests: auth.NewGuests(auth.Key{1, 2, 3}, time.Now)}
	committer := local.New(local.Options{Linger: c.linger})
	running, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- committer.Run(running, store) }()

	var seq sequencer.Sequencer = committer
	if c.wrap != nil {
		seq = c.wrap(seq)
	}
	var reads chat.Store = store
	if c.reads != nil {
		reads = c.reads(store)
	}
	cfg := chat.Config{
		Hub: hub, Store: reads, Sequencer: seq, Guests: l.guests, MaxRooms: c.maxRooms, Delivery: c.delivery, Logger: c.logger,
		Limits: c.limits, Rates: c.rates, Clock: c.clock,
	}
	cfg.Retention = c.keep
	if c.eraser != nil {
		cfg.Eraser = c.eraser(store)
	}
	if c.noGuests {
		cfg.Guests = nil
	}
	if l.service, err = chat.New(cfg); err != nil {
		tb.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	server := grpc.NewServer(
		grpc.ForceServerCodecV2(bridge.Codec()),
		grpc.ChainUnaryInterceptor(withAddress, auth.UnaryServerInterceptor(l.guests, log), l.service.UnaryServerInterceptor()),
		grpc.ChainStreamInterceptor(streamWithAddress, auth.StreamServerInterceptor(l.guests, log), l.service.StreamServerInterceptor()),
	)
	l.service.Register(server)
	listener := bufconn.Listen(64 << 10)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///live", append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
	}, c.dial...)...)
	if err != nil {
		tb.Fatal(err)
	}
	l.conn = conn
	tb.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
		<-served
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := l.service.Drain(ctx); err != nil {
			tb.Error(err)
		}
		stop()
		if err := <-ran; err != nil {
			tb.Error(err)
		}
		if err := store.Close(); err != nil {
			tb.Error(err)
		}
	})
	return l
}

// context returns one that ends with the test, or after far longer than anything here takes.
func (l *live) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	l.tb.Cleanup(cancel)
	return ctx
}

// as returns a context with the token of a fresh guest, and who that is.
func (l *live) as(name string) (context.Context, auth.Principal) {
	p, token, err := l.guests.Issue(name)
	if err != nil {
		l.tb.Fatal(err)
	}
	return metadata.AppendToOutgoingContext(l.context(), "authorization", "Bearer "+token), p
}

// session is a client's side of Connect. It is used by one goroutine.
type session struct {
	tb     testing.TB
	stream grpc.BidiStreamingClient[chatv1.ConnectRequest, chatv1.ConnectResponse]
	cancel context.CancelFunc
	calls  int

	last    *chatv1.ConnectResponse
	replies []*chatv1.Reply // received and not yet asked for
	events  []*chatv1.Event
}

// connect begins a session; the end of the test cancels it.
func (l *live) connect(ctx context.Context) *session {
	l.tb.Helper()
	ctx, cancel := context.WithCancel(ctx)
	l.tb.Cleanup(cancel)
	stream, err := chatv1.NewChatServiceClient(l.conn).Connect(ctx)
	if err != nil {
		l.tb.Fatal(err)
	}
	return &session{tb: l.tb, stream: stream, cancel: cancel}
}

// guest begins a session of a fresh guest.
func (l *live) guest(name string) *session {
	l.tb.Helper()
	ctx, _ := l.as(name)
	return l.connect(ctx)
}

func (s *session) send(req *chatv1.ConnectRequest) {
	s.tb.Helper()
	if err := s.stream.Send(req); err != nil {
		s.tb.Fatalf("send: %v", err)
	}
}

// receive takes one response.
func (s *session) receive() error {
	resp, err := s.stream.Recv()
	if err != nil {
		return err
	}
	s.last = resp
	s.replies = append(s.replies, resp.GetReplies()...)
	s.events = append(s.events, resp.GetEvents()...)
	return nil
}

// call sends a command and returns its reply; events that come meanwhile are kept.
func (s *session) call(req *chatv1.ConnectRequest) *chatv1.Reply {
	s.tb.Helper()
	s.calls++
	req.RequestId = fmt.Sprintf("call-%d", s.calls)
	s.send(req)
	return s.reply(req.GetRequestId())
}

func (s *session) reply(id string) *chatv1.Reply {
	s.tb.Helper()
	for {
		for i, r := range s.replies {
			if r.GetRequestId() == id {
				s.replies = slices.Delete(s.replies, i, i+1)
				return r
			}
		}
		if err := s.receive(); err != nil {
			s.tb.Fatalf("waiting for the reply to %s: %v", id, err)
		}
	}
}

// refused is call for a command that is refused.
func (s *session) refused(req *chatv1.ConnectRequest) *status.Status {
	s.tb.Helper()
	r := s.call(req)
	if r.GetError() == nil {
		s.tb.Fatalf("%v: got %v, want an error", req, r)
	}
	return status.FromProto(r.GetError())
}

// event returns the next event that is wanted; those before it are dropped.
func (s *session) event(want func(*chatv1.Event) bool) *chatv1.Event {
	s.tb.Helper()
	for {
		for i, e := range s.events {
			if want(e) {
				s.events = s.events[i+1:]
				return e
			}
		}
		s.events = nil
		if err := s.receive(); err != nil {
			s.tb.Fatalf("waiting for an event: %v", err)
		}
	}
}

// upTo returns the room's events with a rev, up to this one.
func (s *session) upTo(room string, rev uint64) []*chatv1.Event {
	s.tb.Helper()
	var events []*chatv1.Event
	for {
		e := s.event(durable(room))
		events = append(events, e)
		if e.GetRev() >= rev {
			return events
		}
	}
}

// join joins a room and returns the answer.
func (s *session) join(j *chatv1.Join) *chatv1.JoinResult {
	s.tb.Helper()
	r := s.call(joinRequest(j))
	if r.GetJoin() == nil {
		s.tb.Fatalf("join: got %v", r)
	}
	return r.GetJoin()
}

// publish posts a text and returns where it is.
func (s *session) publish(room, text string) *chatv1.PublishResult {
	s.tb.Helper()
	r := s.call(publishRequest(room, text))
	if r.GetPublish() == nil {
		s.tb.Fatalf("publish: got %v", r)
	}
	return r.GetPublish()
}

// end half-closes and returns all that comes until the end, with the status.
func (s *session) end() ([]*chatv1.Event, error) {
	s.tb.Helper()
	if err := s.stream.CloseSend(); err != nil {
		s.tb.Fatal(err)
	}
	return s.rest()
}

func (s *session) rest() ([]*chatv1.Event, error) {
	for {
		if err := s.receive(); err == io.EOF {
			return s.events, nil
		} else if err != nil {
			return s.events, err
		}
	}
}

func joinRequest(j *chatv1.Join) *chatv1.ConnectRequest {
	return &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Join{Join: j}}
}

func leaveRequest(room string) *chatv1.ConnectRequest {
	return &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Leave{Leave: &chatv1.Leave{Room: room}}}
}

func publishRequest(room, text string) *chatv1.ConnectRequest {
	return &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Publish{Publish: &chatv1.Publish{
		Room: room, Body: &chatv1.Publish_Text{Text: text},
	}}}
}

func typingRequest(room string, typing bool) *chatv1.ConnectRequest {
	return &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Signal{Signal: typingSignal(room, typing)}}
}

func typingSignal(room string, typing bool) *chatv1.Signal {
	return &chatv1.Signal{Room: room, Signal: &chatv1.Signal_Typing{Typing: typing}}
}

func markReadRequest(room string, seq uint64) *chatv1.ConnectRequest {
	return &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_MarkRead{MarkRead: &chatv1.MarkRead{Room: room, Seq: seq}}}
}

func helloRequest(h *chatv1.Hello) *chatv1.ConnectRequest {
	return &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Hello{Hello: h}}
}

// live, history and resume are the ways to join.
func fromNow(room string) *chatv1.Join { return &chatv1.Join{Room: room} }

func history(room string, n uint32) *chatv1.Join {
	return &chatv1.Join{Room: room, Start: &chatv1.Join_History{History: n}}
}

func resume(room, epoch string, rev uint64) *chatv1.Join {
	return &chatv1.Join{Room: room, Start: &chatv1.Join_Resume{Resume: &chatv1.Resume{Epoch: epoch, Rev: rev}}}
}

// durable wants events of a room's history, among them snapshots.
func durable(room string) func(*chatv1.Event) bool {
	return func(e *chatv1.Event) bool {
		return e.GetRoom() == room && (e.GetRev() > 0 || e.GetSnapshot() != nil)
	}
}

func isPresence(e *chatv1.Event) bool { return e.GetPresence() != nil }

func isSignal(e *chatv1.Event) bool { return e.GetSignaled() != nil }

func isMarker(e *chatv1.Event) bool { return e.GetRead() != nil }

// hasRetryInfo reports whether a status says when to come back.
func hasRetryInfo(s *status.Status) bool {
	return slices.ContainsFunc(s.Details(), func(d any) bool {
		info, ok := d.(*errdetails.RetryInfo)
		return ok && info.GetRetryDelay().AsDuration() > 0
	})
}

// field returns the field that an INVALID_ARGUMENT names.
func field(s *status.Status) string {
	var names []string
	for _, d := range s.Details() {
		if bad, ok := d.(*errdetails.BadRequest); ok {
			for _, v := range bad.GetFieldViolations() {
				names = append(names, v.GetField())
			}
		}
	}
	return strings.Join(names, ",")
}

func wantCode(tb testing.TB, err error, want codes.Code) *status.Status {
	tb.Helper()
	s := status.Convert(err)
	if s.Code() != want {
		tb.Fatalf("got %v, want %v", err, want)
	}
	return s
}
