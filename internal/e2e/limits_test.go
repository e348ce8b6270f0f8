package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/limit"
	"github.com/rialto-rpc/rialto/internal/server"
)

// hall is the room in which nobody is to notice anything.
const hall = "hall"

// Where the people of these tests come from, as a trusted proxy says.
const offenders, bystanders, newcomers = "2001:db8::bad", "203.0.113.5", "203.0.113.6"

// per10m is a rate whose tokens do not come back while a test lasts.
func per10m(n int) limit.Rate { return limit.Rate{N: n, Per: 10 * time.Minute} }

// limitCase reaches a limit: reach returns how many changes of the hall came before the first refusal, and that. There it finds
// one message, of the bystander's.
type limitCase struct {
	flag    string
	config  func(*server.Config)
	reach   func(t *testing.T, p *person) (changes int, refusal error)
	details string // RetryInfo, QuotaFailure or none
	named   string // the limit as the refusal has it; empty: flag
	code    codes.Code
}

// person is somebody at one address, with clients of a wire.
type person struct {
	conn     grpc.ClientConnInterface
	chat     chatv1.ChatServiceClient
	rooms    chatv1.RoomServiceClient
	messages chatv1.MessageServiceClient
	members  chatv1.MemberServiceClient
}

func newPerson(conn grpc.ClientConnInterface) *person {
	return &person{
		conn: conn, chat: chatv1.NewChatServiceClient(conn), rooms: chatv1.NewRoomServiceClient(conn),
		messages: chatv1.NewMessageServiceClient(conn), members: chatv1.NewMemberServiceClient(conn),
	}
}

// wires are how people reach a server; each gives a connection of those at an address.
var wires = map[string]func(t *testing.T, s *running, address string) grpc.ClientConnInterface{
	"grpc": func(t *testing.T, s *running, address string) grpc.ClientConnInterface {
		forwarded := func(ctx context.Context) context.Context {
			return metadata.AppendToOutgoingContext(ctx, "x-forwarded-for", address)
		}
		conn, err := grpc.NewClient(s.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				return invoke(forwarded(ctx), method, req, reply, cc, opts...)
			}),
			grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
				return streamer(forwarded(ctx), desc, cc, method, opts...)
			}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	},
	"bridge": func(t *testing.T, s *running, address string) grpc.ClientConnInterface {
		return dialBridge(t, s.http, bridge.WithHandshakeHeader(http.Header{"X-Forwarded-For": {address}}))
	},
}

// guest returns a context of a new guest, who is made at this address.
func (p *person) guest(t *testing.T) context.Context {
	t.Helper()
	g, err := p.chat.CreateGuest(t.Context(), &chatv1.CreateGuestRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+g.GetGuestToken())
}

func (p *person) post(ctx context.Context, room, text string) error {
	_, err := p.messages.PostMessage(ctx, &chatv1.PostMessageRequest{Room: room, Body: &chatv1.PostMessageRequest_Text{Text: text}})
	return err
}

func (p *person) create(ctx context.Context, room string) error {
	_, err := p.rooms.CreateRoom(ctx, &chatv1.CreateRoomRequest{Room: room})
	return err
}

func (p *person) react(ctx context.Context, emoji string) error {
	_, err := p.messages.AddReaction(ctx, &chatv1.AddReactionRequest{Room: hall, Seq: 1, Emoji: emoji})
	return err
}

// connect begins a session, with a command: without a token that makes a guest. The error is what it ended with at once.
func (p *person) connect(ctx context.Context) (chatv1.ChatService_ConnectClient, error) {
	stream, err := p.chat.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := stream.Send(joinOf("lobby")); err != nil && err != io.EOF {
		return nil, err
	}
	_, err = stream.Recv()
	return stream, err
}

// ask sends a command on a session and returns its reply.
func ask(t *testing.T, stream chatv1.ChatService_ConnectClient, id string, req *chatv1.ConnectRequest) *chatv1.Reply {
	t.Helper()
	req.RequestId = id
	if err := stream.Send(req); err != nil {
		t.Fatal(err)
	}
	for {
		resp, err := stream.Recv()
		if err != nil {
			t.Fatalf("the session ended: %v", err)
		}
		for _, reply := range resp.GetReplies() {
			if reply.GetRequestId() == id {
				return reply
			}
		}
	}
}

func joinOf(room string) *chatv1.ConnectRequest {
	return &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Join{Join: &chatv1.Join{Room: room}}}
}

func publishOf(room, text string) *chatv1.ConnectRequest {
	return &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Publish{Publish: &chatv1.Publish{
		Room: room, Body: &chatv1.Publish_Text{Text: text},
	}}}
}

// until repeats do until it is refused, and returns how often it was not before.
func until(t *testing.T, do func(n int) error) (before int, refusal error) {
	t.Helper()
	for n := range 100 {
		if err := do(n); err != nil {
			return n, err
		}
	}
	t.Fatal("nothing was refused")
	return 0, nil
}

var rateCases = []limitCase{
	{flag: "connection-commands", config: func(c *server.Config) { c.Rates.ConnectionCommands = per10m(6) },
		reach: func(t *testing.T, p *person) (int, error) {
			stream, err := p.connect(p.guest(t))
			if err != nil {
				t.Fatal(err)
			}
			n, err := until(t, func(n int) error {
				return status.ErrorProto(ask(t, stream, fmt.Sprint(n), publishOf(hall, "hello")).GetError())
			})
			leave := &chatv1.ConnectRequest{Command: &chatv1.ConnectRequest_Leave{Leave: &chatv1.Leave{Room: hall}}}
			if reply := ask(t, stream, "leave", leave); reply.GetLeave() == nil {
				t.Errorf("the session does not go on: %v", reply)
			}
			return n, err
		}},
	{flag: "user-writes", config: func(c *server.Config) { c.Rates.UserWrites = per10m(4) },
		reach: func(t *testing.T, p *person) (int, error) {
			ctx := p.guest(t)
			return until(t, func(int) error { return p.post(ctx, hall, "hello") })
		}},
	{flag: "room-writes", config: func(c *server.Config) { c.Rates.RoomWrites = per10m(4) },
		reach: func(t *testing.T, p *person) (int, error) {
			_, err := until(t, func(int) error { return p.post(p.guest(t), "elsewhere", "hello") })
			return 0, err
		}},
	{flag: "address-writes", config: func(c *server.Config) { c.Rates.AddressWrites = per10m(4) },
		reach: func(t *testing.T, p *person) (int, error) {
			return until(t, func(int) error { return p.post(p.guest(t), hall, "hello") })
		}},
	{flag: "user-rooms", config: func(c *server.Config) { c.Rates.UserRooms = per10m(2) },
		reach: func(t *testing.T, p *person) (int, error) {
			ctx := p.guest(t)
			_, err := until(t, func(n int) error { return p.create(ctx, fmt.Sprint("room-", n)) })
			return 0, err
		}},
	{flag: "address-rooms", config: func(c *server.Config) { c.Rates.AddressRooms = per10m(2) },
		reach: func(t *testing.T, p *person) (int, error) {
			_, err := until(t, func(n int) error { return p.post(p.guest(t), fmt.Sprint("room-", n), "hello") })
			return 0, err
		}},
	{flag: "address-guests", config: func(c *server.Config) { c.Rates.AddressGuests = per10m(2) },
		reach: func(t *testing.T, p *person) (int, error) {
			_, err := p.connect(t.Context()) // without a token
			if err != nil {
				t.Fatal(err)
			}
			p.guest(t)
			if _, err := p.chat.CreateGuest(t.Context(), &chatv1.CreateGuestRequest{}); status.Code(err) != codes.ResourceExhausted {
				t.Errorf("a third guest: %v", err)
			}
			_, err = p.connect(t.Context())
			return 0, err
		}},
	{flag: "address-connections", config: func(c *server.Config) { c.Rates.AddressConnections = per10m(2) },
		reach: func(t *testing.T, p *person) (int, error) {
			ctx := p.guest(t)
			_, err := until(t, func(int) error { _, err := p.connect(ctx); return err })
			return 0, err
		}},
}

var quotaCases = []limitCase{
	{flag: "max-rooms", config: func(c *server.Config) { c.MaxRooms = 2 },
		reach: func(t *testing.T, p *person) (int, error) {
			stream, err := p.connect(p.guest(t))
			if err != nil {
				t.Fatal(err)
			}
			_, err = until(t, func(n int) error {
				return status.ErrorProto(ask(t, stream, fmt.Sprint(n), joinOf(fmt.Sprint("room-", n))).GetError())
			})
			return 0, err
		}},
	{flag: "max-members", config: func(c *server.Config) { c.MaxMembers = 2 }, // the bystander has made the room
		reach: func(t *testing.T, p *person) (int, error) {
			return until(t, func(int) error {
				_, err := p.members.AddMember(p.guest(t), &chatv1.AddMemberRequest{Room: hall})
				return err
			})
		}},
	{flag: "max-reactions", config: func(c *server.Config) { c.MaxReactions = 2 },
		reach: func(t *testing.T, p *person) (int, error) {
			return until(t, func(int) error { return p.react(p.guest(t), "🎉") })
		}},
	{flag: "max-reaction-kinds", named: "max-reactions", config: func(c *server.Config) { c.MaxReactionKinds = 2 },
		reach: func(t *testing.T, p *person) (int, error) {
			ctx := p.guest(t)
			return until(t, func(n int) error { return p.react(ctx, string(rune('😀'+n))) })
		}},
	{flag: "max-text-bytes", code: codes.InvalidArgument, config: func(c *server.Config) { c.MaxTextBytes = 20 },
		reach: func(t *testing.T, p *person) (int, error) {
			return 0, p.post(p.guest(t), hall, strings.Repeat("x", 21))
		}},
	{flag: "max-data-bytes", code: codes.InvalidArgument, config: func(c *server.Config) { c.MaxDataBytes = 20 },
		reach: func(t *testing.T, p *person) (int, error) {
			_, err := p.messages.PostMessage(p.guest(t), &chatv1.PostMessageRequest{
				Room: hall, Body: &chatv1.PostMessageRequest_Data{Data: &chatv1.Data{Type: "x", Value: make([]byte, 21)}},
			})
			return 0, err
		}},
	{flag: "max-message-bytes", details: "none", config: func(c *server.Config) { c.MaxMessageBytes = 1024 },
		reach: func(t *testing.T, p *person) (int, error) {
			return 0, p.post(p.guest(t), hall, strings.Repeat("x", 1100))
		}},
}

// TestEachLimitOnce reaches each limit, over native gRPC and over the bridge: the refusal has the status and the details
// that docs/operations.md says, the metric counts it, and neither those in the room nor those who come from elsewhere
// notice anything.
func TestEachLimitOnce(t *testing.T) {
	t.Parallel()
	for wire, connect := range wires {
		for _, tt := range slices.Concat(rateCases, quotaCases) {
			t.Run(wire+"/"+tt.flag, func(t *testing.T) {
				t.Parallel()
				s := startServerConfig(t, func(cfg *server.Config) {
					cfg.Admin, cfg.TrustedProxies = "127.0.0.1:0", []string{"127.0.0.1"}
					tt.config(cfg)
				})
				b := newBystander(t, connect(t, s, bystanders), hall)
				changes, refusal := tt.reach(t, newPerson(connect(t, s, offenders)))
				tt.check(t, refusal)
				b.noticed(t, changes)
				stranger := newPerson(connect(t, s, newcomers))
				if err := stranger.post(stranger.guest(t), hall, "hello"); err != nil {
					t.Errorf("somebody from elsewhere: %v", err)
				}
				b.noticed(t, 1)
				if tt.details != "none" {
					tt.checkMetric(t, s.admin)
				}
			})
		}
	}
}

// name is how refusals call the limit.
func (c limitCase) name() string {
	if c.named != "" {
		return c.named
	}
	return c.flag
}

func (c limitCase) check(t *testing.T, err error) {
	t.Helper()
	want := c.code
	if want == codes.OK {
		want = codes.ResourceExhausted
	}
	s := status.Convert(err)
	if s.Code() != want {
		t.Errorf("refused with %v, want %v", err, want)
	}
	rate := slices.ContainsFunc(rateCases, func(r limitCase) bool { return r.flag == c.flag })
	retry, quota := false, false
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.RetryInfo:
			after := d.GetRetryDelay().AsDuration()
			retry = after > 0 && after <= 10*time.Minute
		case *errdetails.QuotaFailure:
			v := d.GetViolations()
			quota = len(v) == 1 && v[0].GetDescription() == c.name() && v[0].GetSubject() != ""
		}
	}
	if retry != rate || quota != (!rate && c.details != "none") {
		t.Errorf("%v has details %v", err, s.Details())
	}
	if rate && !strings.Contains(s.Message(), "("+c.name()+")") {
		t.Errorf("%v does not name the limit", err)
	}
}

func (c limitCase) checkMetric(t *testing.T, admin string) {
	t.Helper()
	resp, err := http.Get("http://" + admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	line := fmt.Sprintf("rialto_limits_refused_total{limit=%q} ", c.name())
	if !strings.Contains(string(page), line) || strings.Contains(string(page), line+"0\n") {
		t.Errorf("the metric of %s says nothing", c.name())
	}
}
