package e2e

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// TestChatOverHTTP talks and listens with nothing but HTTP, in each protocol, while somebody in the room is there by gRPC.
func TestChatOverHTTP(t *testing.T) {
	s := startServer(t)
	witness := newBystander(t, s.conn, "lobby")
	for name, protocol := range map[string]connect.ClientOption{
		"Connect, JSON":      connect.WithProtoJSON(),
		"Connect, protobuf":  connect.WithClientOptions(),
		"gRPC-Web, protobuf": connect.WithGRPCWeb(),
		"gRPC-Web, JSON":     connect.WithClientOptions(connect.WithGRPCWeb(), connect.WithProtoJSON()),
	} {
		t.Run(name, func(t *testing.T) {
			c := newHTTPClient(t, s, protocol)
			c.token = unaryHTTP[chatv1.CreateGuestRequest, chatv1.CreateGuestResponse](c, "ChatService/CreateGuest",
				&chatv1.CreateGuestRequest{DisplayName: name}).GetGuestToken()

			events := c.subscribe("lobby")
			if events.next().GetSnapshot() == nil {
				t.Error("the first event is no snapshot")
			}
			posted := unaryHTTP[chatv1.PostMessageRequest, chatv1.PostMessageResponse](c, "MessageService/PostMessage",
				&chatv1.PostMessageRequest{Room: "lobby", ClientId: "1", Body: &chatv1.PostMessageRequest_Text{Text: "hello by " + name}}).GetMessage()
			for {
				if live := events.next().GetPosted(); live != nil {
					if live.GetText() != "hello by "+name || live.GetSeq() != posted.GetSeq() || live.GetSender().GetDisplayName() != name {
						t.Errorf("posted %v, came %v", posted, live)
					}
					break
				}
			}
			page := unaryHTTP[chatv1.ListMessagesRequest, chatv1.ListMessagesResponse](c, "MessageService/ListMessages",
				&chatv1.ListMessagesRequest{Room: "lobby", PageSize: 1}).GetMessages()
			if len(page) != 1 || page[0].GetSeq() != posted.GetSeq() {
				t.Errorf("the newest page is %v", page)
			}
			witness.noticed(t, 1)
		})
	}
}

// TestErrorsOverHTTP sees the errors of the API whole.
func TestErrorsOverHTTP(t *testing.T) {
	s := startServer(t)
	for _, protocol := range []connect.ClientOption{connect.WithProtoJSON(), connect.WithGRPCWeb()} {
		c := newHTTPClient(t, s, protocol)
		_, err := connect.NewClient[chatv1.PostMessageRequest, chatv1.PostMessageResponse](c.http, c.url("MessageService/PostMessage"), protocol).
			CallUnary(t.Context(), connect.NewRequest(&chatv1.PostMessageRequest{Room: "lobby"}))
		if connect.CodeOf(err) != connect.CodeUnauthenticated {
			t.Errorf("without a token: %v", err)
		}
		c.token = s.guest(t)
		request := connect.NewRequest(&chatv1.PostMessageRequest{Room: "No Room", Body: &chatv1.PostMessageRequest_Text{Text: "x"}})
		request.Header().Set("Authorization", "Bearer "+c.token)
		_, err = connect.NewClient[chatv1.PostMessageRequest, chatv1.PostMessageResponse](c.http, c.url("MessageService/PostMessage"), protocol).
			CallUnary(t.Context(), request)
		var wire *connect.Error
		if !errors.As(err, &wire) || wire.Code() != connect.CodeInvalidArgument || len(wire.Details()) != 1 {
			t.Fatalf("a bad room: %v", err)
		}
		detail, err := wire.Details()[0].Value()
		if bad, ok := detail.(*errdetails.BadRequest); err != nil || !ok || bad.GetFieldViolations()[0].GetField() != "room" {
			t.Errorf("a bad room: %v, %v", detail, err)
		}
		_, err = connect.NewClient[chatv1.GetRoomRequest, chatv1.GetRoomResponse](c.http, c.url("RoomService/GetRoom"), protocol).
			CallUnary(t.Context(), connect.NewRequest(&chatv1.GetRoomRequest{Room: "nowhere"}))
		if connect.CodeOf(err) != connect.CodeNotFound {
			t.Errorf("no such room: %v", err)
		}
	}
}

// TestCurl makes the calls that README.md shows.
func TestCurl(t *testing.T) {
	s := startServer(t)
	c := newHTTPClient(t, s, connect.WithProtoJSON())
	post := func(method, body, token string) string {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url(method), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := c.http.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %q, %v", method, response.Status, answer, err)
		}
		return string(answer)
	}
	post("MessageService/PostMessage", `{"room": "lobby", "text": "hello from curl"}`, s.guest(t))
	page := post("MessageService/ListMessages", `{"room": "lobby"}`, "")
	if !strings.Contains(page, `"text":"hello from curl"`) || !strings.Contains(page, `"seq":"1"`) {
		t.Errorf("the page is %s", page)
	}
}

// httpClient makes calls of the chat over HTTP.
type httpClient struct {
	t        *testing.T
	http     *http.Client
	address  string
	protocol connect.ClientOption
	token    string
}

func newHTTPClient(t *testing.T, s *running, protocol connect.ClientOption) *httpClient {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &httpClient{t: t, http: &http.Client{Transport: transport}, address: s.http, protocol: protocol}
}

func (c *httpClient) url(method string) string {
	return "http://" + c.address + "/rialto.chat.v1." + method
}

func unaryHTTP[Req, Res any](c *httpClient, method string, message *Req) *Res {
	c.t.Helper()
	request := connect.NewRequest(message)
	if c.token != "" {
		request.Header().Set("Authorization", "Bearer "+c.token)
	}
	response, err := connect.NewClient[Req, Res](c.http, c.url(method), c.protocol).CallUnary(c.t.Context(), request)
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	return response.Msg
}

// eventStream is what Subscribe sends, one event after the other.
type eventStream struct {
	t      *testing.T
	stream *connect.ServerStreamForClient[chatv1.SubscribeResponse]
	events []*chatv1.Event
}

// subscribe follows a room until the test ends.
func (c *httpClient) subscribe(room string) *eventStream {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	request := connect.NewRequest(&chatv1.SubscribeRequest{Rooms: []*chatv1.Join{{Room: room}}})
	request.Header().Set("Authorization", "Bearer "+c.token)
	stream, err := connect.NewClient[chatv1.SubscribeRequest, chatv1.SubscribeResponse](c.http, c.url("ChatService/Subscribe"), c.protocol).
		CallServerStream(ctx, request)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		cancel()
		stream.Close()
	})
	return &eventStream{t: c.t, stream: stream}
}

func (e *eventStream) next() *chatv1.Event {
	e.t.Helper()
	for len(e.events) == 0 {
		if !e.stream.Receive() {
			e.t.Fatalf("the subscription ended: %v", e.stream.Err())
		}
		e.events = e.stream.Msg().GetEvents()
	}
	event := e.events[0]
	e.events = e.events[1:]
	return event
}
