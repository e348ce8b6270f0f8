package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// runHub serves gorilla/websocket's chat example: a goroutine for each room, two for each client, a channel of 256 between
// them. As there, a client's writer joins what is queued into one WebSocket message; and one whose queue is full is dropped.
// It speaks plain mode with protobuf.
func runHub(ctx context.Context, portFile string) error {
	hubs := &hubs{rooms: make(map[string]*hub)}
	return serveHTTP(ctx, portFile, http.HandlerFunc(hubs.accept))
}

// serveHTTP serves on a free port until ctx ends.
func serveHTTP(ctx context.Context, portFile string, handler http.Handler) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: readHeaderTimeout}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := writePortFile(portFile, listener.Addr().String()); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type hubs struct {
	upgrader websocket.Upgrader
	mu       sync.Mutex // guards rooms
	rooms    map[string]*hub
}

func (h *hubs) room(id string) *hub {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rooms[id]
	if r == nil {
		r = &hub{id: id, register: make(chan hubJoin), unregister: make(chan *hubClient), broadcast: make(chan string)}
		h.rooms[id] = r
		go r.run() // lives as long as the process
	}
	return r
}

type hub struct {
	id         string
	register   chan hubJoin
	unregister chan *hubClient
	broadcast  chan string
}

type hubJoin struct {
	client    *hubClient
	requestID string
}

type hubClient struct {
	ws   *websocket.Conn
	send chan []byte
}

func (h *hub) run() {
	clients := make(map[*hubClient]struct{})
	seq := uint64(0)
	for {
		select {
		case j := <-h.register:
			clients[j.client] = struct{}{}
			j.client.send <- joinResponse(h.id, j.requestID, seq)
		case c := <-h.unregister:
			if _, ok := clients[c]; ok {
				delete(clients, c)
				close(c.send)
			}
		case text := <-h.broadcast:
			seq++
			message := messageResponse(h.id, seq, text)
			for c := range clients {
				select {
				case c.send <- message:
				default:
					delete(clients, c)
					close(c.send)
				}
			}
		}
	}
}

func (h *hubs) accept(w http.ResponseWriter, r *http.Request) {
	ws, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	c := &hubClient{ws: ws, send: make(chan []byte, 256)}
	go c.write() // ends when its room closes send
	h.read(c)
}

func (h *hubs) read(c *hubClient) {
	var joined *hub
	defer func() {
		c.ws.Close()
		if joined != nil {
			joined.unregister <- c
		} else {
			close(c.send)
		}
	}()
	for {
		_, b, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		var r chatv1.ConnectRequest
		if proto.Unmarshal(b, &r) != nil {
			return
		}
		if join := r.GetJoin(); join != nil {
			joined = h.room(join.GetRoom())
			joined.register <- hubJoin{c, r.GetRequestId()}
		} else if publish := r.GetPublish(); publish != nil {
			h.room(publish.GetRoom()).broadcast <- publish.GetText()
		}
	}
}

func (c *hubClient) write() {
	defer c.ws.Close()
	for message := range c.send {
		w, err := c.ws.NextWriter(websocket.BinaryMessage)
		if err != nil {
			return
		}
		_, _ = w.Write(message)
		for range len(c.send) {
			_, _ = w.Write(<-c.send) // protobuf messages one after another are one message
		}
		if w.Close() != nil {
			return
		}
	}
}
