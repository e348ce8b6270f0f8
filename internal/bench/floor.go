package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// ServeFloor serves the floor until ctx ends, on any free loopback port, which it writes to portFile as `rialto serve`
// does. It has the address of plain mode and takes join and publish, in protobuf only; everything else is ignored.
func ServeFloor(ctx context.Context, portFile string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	f := &floor{
		// Small buffers and a pool are what makes an idle connection cheap.
		upgrader: websocket.Upgrader{ReadBufferSize: 512, WriteBufferSize: 1024, WriteBufferPool: new(sync.Pool)},
		rooms:    make(map[string]*floorRoom),
	}
	server := &http.Server{Handler: http.HandlerFunc(f.accept), ReadHeaderTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	b, err := json.Marshal(Addresses{HTTP: listener.Addr().String()})
	if err == nil {
		err = os.WriteFile(portFile+".new", b, 0o644)
	}
	if err == nil {
		err = os.Rename(portFile+".new", portFile)
	}
	if err != nil {
		listener.Close()
		return fmt.Errorf("port file: %w", err)
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// floor is the least that a chat over WebSocket can do. It is gorilla's chat example without its queues: whoever reads a
// publish writes it to every client of the room, one prebuilt frame and one system call each.
type floor struct {
	upgrader websocket.Upgrader

	mu    sync.Mutex // guards rooms
	rooms map[string]*floorRoom
}

type floorRoom struct {
	mu      sync.Mutex // guards what follows, and orders the writes
	seq     uint64
	members map[*websocket.Conn]struct{}
}

func (f *floor) accept(w http.ResponseWriter, r *http.Request) {
	ws, err := f.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	go f.serve(ws) // ends with the connection; out of net/http's handler, whose buffers would stay
}

func (f *floor) serve(ws *websocket.Conn) {
	defer ws.Close()
	joined := make(map[string]*floorRoom)
	defer func() {
		for _, room := range joined {
			room.leave(ws)
		}
	}()
	for {
		_, b, err := ws.ReadMessage()
		if err != nil {
			return
		}
		var r chatv1.ConnectRequest
		if err := proto.Unmarshal(b, &r); err != nil {
			return
		}
		switch c := r.GetCommand().(type) {
		case *chatv1.ConnectRequest_Join:
			room := f.room(c.Join.GetRoom())
			joined[c.Join.GetRoom()] = room
			if err := room.join(ws, r.GetRequestId(), c.Join.GetRoom()); err != nil {
				return
			}
		case *chatv1.ConnectRequest_Publish:
			f.room(c.Publish.GetRoom()).publish(c.Publish)
		}
	}
}

func (f *floor) room(id string) *floorRoom {
	f.mu.Lock()
	defer f.mu.Unlock()
	room := f.rooms[id]
	if room == nil {
		room = &floorRoom{members: make(map[*websocket.Conn]struct{})}
		f.rooms[id] = room
	}
	return room
}

// join answers with an empty snapshot at the head, as Rialto does for a history of 0.
func (r *floorRoom) join(ws *websocket.Conn, requestID, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	room := &chatv1.Room{Id: id, HeadSeq: r.seq, HeadRev: r.seq}
	b, err := proto.Marshal(&chatv1.ConnectResponse{
		Replies: []*chatv1.Reply{{
			RequestId: requestID, Result: &chatv1.Reply_Join{Join: &chatv1.JoinResult{Epoch: floorEpoch, Room: room}},
		}},
		Events: []*chatv1.Event{{
			Room: id, Rev: r.seq, Kind: &chatv1.Event_Snapshot{Snapshot: &chatv1.Snapshot{Epoch: floorEpoch, Room: room}},
		}},
	})
	if err != nil {
		return err
	}
	r.members[ws] = struct{}{}
	_, err = ws.NetConn().Write(frame(b))
	return err
}

const floorEpoch = "floor"

func (r *floorRoom) leave(ws *websocket.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.members, ws)
}

func (r *floorRoom) publish(p *chatv1.Publish) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	now := timestamppb.Now()
	b, err := proto.Marshal(&chatv1.ConnectResponse{Events: []*chatv1.Event{{
		Room: p.GetRoom(), Rev: r.seq, Time: now,
		Kind: &chatv1.Event_Posted{Posted: &chatv1.Message{
			Room: p.GetRoom(), Seq: r.seq, Rev: r.seq, CreateTime: now, ClientId: p.GetClientId(),
			Sender: &chatv1.User{Id: "guest-00000000000000000000000000", DisplayName: "Guest 00000", Guest: true},
			Body:   &chatv1.Message_Text{Text: p.GetText()},
		}},
	}}})
	if err != nil {
		return
	}
	f := frame(b)
	for ws := range r.members {
		_, _ = ws.NetConn().Write(f) // one that is gone is seen by its reader
	}
}

// frame is an unmasked binary WebSocket message (RFC 6455, section 5.2).
func frame(payload []byte) []byte {
	const finBinary = 0x80 | 2
	n := len(payload)
	var b []byte
	switch {
	case n < 126:
		b = []byte{finBinary, byte(n)}
	case n < 1<<16:
		b = []byte{finBinary, 126, byte(n >> 8), byte(n)}
	default:
		b = []byte{finBinary, 127, 0, 0, 0, 0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	}
	return append(b, payload...)
}
