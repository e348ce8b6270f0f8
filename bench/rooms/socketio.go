package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"

	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/proto"

	"github.com/rialto-rpc/rialto/internal/bench"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// socketIOSession speaks engine.io 4 and socket.io 5 over a WebSocket, as far as socketio.mjs needs them: "40" connects,
// 42[name,…] is an event, "2" is a ping and "3" its answer.
type socketIOSession struct {
	ws   *websocket.Conn
	mu   sync.Mutex // guards join, and orders the writes
	join *chatv1.ConnectRequest
}

func dialSocketIO(ctx context.Context, at bench.Addresses) (bench.Session, error) {
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+at.HTTP+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		return nil, err
	}
	s := &socketIOSession{ws: ws}
	if err := s.connect(); err != nil {
		ws.Close()
		return nil, err
	}
	return s, nil
}

// connect joins the namespace: the server hangs up on events before it has agreed.
func (s *socketIOSession) connect() error {
	if err := s.write("40"); err != nil {
		return err
	}
	for {
		_, b, err := s.ws.ReadMessage()
		if err != nil || bytes.HasPrefix(b, []byte("40")) {
			return err
		}
	}
}

func (s *socketIOSession) write(packet string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ws.WriteMessage(websocket.TextMessage, []byte(packet))
}

func (s *socketIOSession) Send(request []byte) error {
	r := new(chatv1.ConnectRequest)
	if err := proto.Unmarshal(request, r); err != nil {
		return err
	}
	if publish := r.GetPublish(); publish != nil {
		return s.write(fmt.Sprintf(`42["publish",%q,%q]`, publish.GetRoom(), publish.GetText()))
	}
	s.mu.Lock()
	s.join = r
	s.mu.Unlock()
	return s.write(fmt.Sprintf(`42["join",%q]`, r.GetJoin().GetRoom()))
}

func (s *socketIOSession) Receive() ([]byte, error) {
	for {
		_, b, err := s.ws.ReadMessage()
		if err != nil {
			return nil, err
		}
		if b, err := s.packet(b); b != nil || err != nil {
			return b, err
		}
	}
}

// packet is a response for what one packet says; nil if that concerns only the protocol.
func (s *socketIOSession) packet(b []byte) ([]byte, error) {
	if string(b) == "2" {
		return nil, s.write("3")
	}
	if len(b) < 2 || string(b[:2]) != "42" {
		return nil, nil
	}
	var event []json.RawMessage
	if err := json.Unmarshal(b[2:], &event); err != nil || len(event) < 2 {
		return nil, fmt.Errorf("socket.io: packet %q", b)
	}
	seq, err := strconv.ParseUint(string(event[1]), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("socket.io: packet %q", b)
	}
	if string(event[0]) == `"joined"` {
		s.mu.Lock()
		defer s.mu.Unlock()
		return joinResponse(s.join.GetJoin().GetRoom(), s.join.GetRequestId(), seq), nil
	}
	if len(event) < 4 {
		return nil, fmt.Errorf("socket.io: packet %q", b)
	}
	room, text := event[2], event[3]
	return messageResponse(string(room[1:len(room)-1]), seq, string(text[1:len(text)-1])), nil
}

func (s *socketIOSession) Close() { s.ws.Close() }
