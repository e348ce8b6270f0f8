package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/centrifugal/centrifuge"
	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/proto"

	"github.com/rialto-rpc/rialto/internal/bench"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// runCentrifuge serves centrifuge with its defaults and without history: a room is a channel.
func runCentrifuge(ctx context.Context, portFile string) error {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return err
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{}}, nil
	})
	rooms := &numbered{node: node, seqs: make(map[string]uint64)}
	node.OnConnect(func(client *centrifuge.Client) {
		client.OnSubscribe(func(_ centrifuge.SubscribeEvent, reply centrifuge.SubscribeCallback) {
			reply(centrifuge.SubscribeReply{}, nil)
		})
		client.OnPublish(func(e centrifuge.PublishEvent, reply centrifuge.PublishCallback) {
			result, err := rooms.publish(e.Channel, e.Data)
			reply(centrifuge.PublishReply{Result: result}, err)
		})
	})
	if err := node.Run(); err != nil {
		return err
	}
	defer node.Shutdown(context.Background())
	handler := centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		CheckOrigin: func(*http.Request) bool { return true },
	})
	return serveHTTP(ctx, portFile, handler)
}

// numbered publishes with a number for each message of a channel, in the order of the numbers.
type numbered struct {
	node *centrifuge.Node
	mu   sync.Mutex // guards seqs, and orders
	seqs map[string]uint64
}

func (n *numbered) publish(channel string, text []byte) (*centrifuge.PublishResult, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seqs[channel]++
	result, err := n.node.Publish(channel, fmt.Appendf(nil, `{"s":%d,"t":%s}`, n.seqs[channel], text))
	return &result, err
}

// centrifugeSession speaks centrifuge's JSON protocol: commands with ids, and replies and pushes by line.
type centrifugeSession struct {
	ws *websocket.Conn

	mu   sync.Mutex // guards id, and orders the writes
	id   int
	join *chatv1.ConnectRequest // without an answer
	next []byte                 // lines that were not returned yet
}

func dialCentrifuge(ctx context.Context, at bench.Addresses) (bench.Session, error) {
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+at.HTTP+"/connection/websocket", nil)
	if err != nil {
		return nil, err
	}
	s := &centrifugeSession{ws: ws}
	if err := s.command("connect", struct{}{}); err != nil {
		ws.Close()
		return nil, err
	}
	return s, nil
}

func (s *centrifugeSession) command(name string, value any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id++
	return s.ws.WriteJSON(map[string]any{"id": s.id, name: value})
}

func (s *centrifugeSession) Send(request []byte) error {
	r := new(chatv1.ConnectRequest)
	if err := proto.Unmarshal(request, r); err != nil {
		return err
	}
	if publish := r.GetPublish(); publish != nil {
		return s.command("publish", map[string]any{"channel": publish.GetRoom(), "data": publish.GetText()})
	}
	s.mu.Lock()
	s.join = r
	s.mu.Unlock()
	return s.command("subscribe", map[string]any{"channel": r.GetJoin().GetRoom()})
}

func (s *centrifugeSession) Receive() ([]byte, error) {
	for {
		for len(s.next) == 0 {
			_, b, err := s.ws.ReadMessage()
			if err != nil {
				return nil, err
			}
			s.next = b
		}
		line, rest, _ := bytes.Cut(s.next, []byte("\n"))
		s.next = rest
		if b, err := s.line(line); b != nil || err != nil {
			return b, err
		}
	}
}

// line is a response for what one line says; nil if that concerns only the protocol.
func (s *centrifugeSession) line(line []byte) ([]byte, error) {
	switch {
	case len(line) <= 2: // a ping
		s.mu.Lock()
		defer s.mu.Unlock()
		return nil, s.ws.WriteMessage(websocket.TextMessage, []byte("{}"))
	case bytes.Contains(line, []byte(`"pub":`)):
		return push(line)
	case bytes.Contains(line, []byte(`"error":`)):
		return nil, fmt.Errorf("centrifuge: %s", line)
	case bytes.Contains(line, []byte(`"subscribe":`)):
		s.mu.Lock()
		defer s.mu.Unlock()
		return joinResponse(s.join.GetJoin().GetRoom(), s.join.GetRequestId(), 0), nil
	case bytes.Contains(line, []byte(`"publish":`)):
		return encode(&chatv1.ConnectResponse{Replies: []*chatv1.Reply{{
			RequestId: "p", Result: &chatv1.Reply_Publish{Publish: &chatv1.PublishResult{}},
		}}}), nil
	}
	return nil, nil
}

// push reads {"push":{"channel":C,"pub":{"data":{"s":N,"t":T},…}}} by hand: JSON would cost the generator more than all else.
func push(line []byte) ([]byte, error) {
	channel, ok1 := between(line, `"channel":"`, `"`)
	number, ok2 := between(line, `{"s":`, `,`)
	text, ok3 := between(line, `"t":"`, `"`)
	seq, err := strconv.ParseUint(string(number), 10, 64)
	if !ok1 || !ok2 || !ok3 || err != nil {
		return nil, fmt.Errorf("centrifuge: push %s", line)
	}
	return messageResponse(string(channel), seq, string(text)), nil
}

func between(b []byte, before, after string) ([]byte, bool) {
	_, b, ok := bytes.Cut(b, []byte(before))
	if !ok {
		return nil, false
	}
	b, _, ok = bytes.Cut(b, []byte(after))
	return b, ok
}

func (s *centrifugeSession) Close() { s.ws.Close() }
