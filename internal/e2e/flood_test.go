package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/limit"
	"github.com/rialto-rpc/rialto/internal/server"
)

// The flood: so many guests come from one address, at most so many at once, and each makes a room of its own and says
// something there until it is refused.
const (
	floodGuests  = 1000
	floodAtOnce  = 50
	floodEndless = 20 // messages of each
)

// The buckets of TestFloodOfGuests, none of which gets a token back while it lasts.
const (
	floodConnections = 600
	floodNew         = 100
	floodRooms       = 10
	floodWrites      = 40
)

// TestFloodOfGuests: a thousand guests from one address make no more sessions, guests, rooms and messages than its buckets
// hold, and somebody at another address, who talks meanwhile, notices nothing.
func TestFloodOfGuests(t *testing.T) {
	t.Parallel()
	s := startServerConfig(t, func(cfg *server.Config) {
		cfg.TrustedProxies = []string{"127.0.0.1"}
		day := func(n int) limit.Rate { return limit.Rate{N: n, Per: 24 * time.Hour} }
		cfg.Rates = server.Rates{
			ConnectionCommands: limit.Rate{N: 500, Per: 5 * time.Second},
			UserWrites:         limit.Rate{N: 100, Per: 2 * time.Second},
			AddressConnections: day(floodConnections),
			AddressGuests:      day(floodNew),
			AddressRooms:       day(floodRooms),
			AddressWrites:      day(floodWrites),
		}
	})
	b := newBystander(t, wires["bridge"](t, s, bystanders), hall)
	var seen flood
	coming := make(chan int)
	var guests sync.WaitGroup
	for range floodAtOnce {
		guests.Go(func() { // ends with coming
			for n := range coming {
				seen.guest(t, s.http, n)
			}
		})
	}
	for n := range floodGuests {
		coming <- n
		if n%100 == 0 {
			b.noticed(t, 0)
		}
	}
	close(coming)
	guests.Wait()
	b.noticed(t, 0)

	if got := seen.welcomed.Load(); got != floodNew {
		t.Errorf("%d guests were made, of %d", got, floodNew)
	}
	if got := seen.posted.Load(); got == 0 || got > floodWrites {
		t.Errorf("%d messages were stored, of at most %d", got, floodWrites)
	}
	if ended := seen.ended.Load(); ended != floodGuests-floodNew {
		t.Errorf("%d of %d streams ended with RESOURCE_EXHAUSTED", ended, floodGuests-floodNew)
	}
	rooms, err := chatv1.NewRoomServiceClient(s.conn).ListRooms(t.Context(), &chatv1.ListRoomsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(rooms.GetRooms()) - 1; n == 0 || n > floodRooms { // the hall is another's
		t.Errorf("%d rooms were made, of at most %d", n, floodRooms)
	}
}

// flood is what guests were told.
type flood struct{ welcomed, posted, ended atomic.Int64 }

// guest comes over a WebSocket of its own, in plain mode.
func (f *flood) guest(t *testing.T, addr string, n int) {
	ws, resp, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+addr+"/rialto.chat.v1.ChatService/Connect?encoding=json",
		http.Header{"X-Forwarded-For": {offenders}})
	if err != nil {
		t.Errorf("guest %d: %v, %v", n, err, resp)
		return
	}
	defer ws.Close()
	for i := range floodEndless {
		text := fmt.Sprintf(`{"requestId":"%d","publish":{"room":"flood-%d","text":"hello"}}`, i, n)
		if err := ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			break // it was refused by now
		}
	}
	ws.WriteMessage(websocket.TextMessage, nil) // the half-close: all is answered, then the stream ends
	f.listen(t, ws)
}

// listen takes what a guest is told until its stream ends.
func (f *flood) listen(t *testing.T, ws *websocket.Conn) {
	for {
		_, data, err := ws.ReadMessage()
		if websocket.IsCloseError(err, 4008) {
			f.ended.Add(1)
		}
		if err != nil {
			if !websocket.IsCloseError(err, 1000, 4008) {
				t.Errorf("a guest's stream ended with %v", err)
			}
			return
		}
		var said struct {
			Replies []struct {
				Publish json.RawMessage
				Error   struct{ Message string }
			}
			Events []struct{ Welcome json.RawMessage }
		}
		if err := json.Unmarshal(data, &said); err != nil {
			t.Errorf("%s: %v", data, err)
		}
		for _, e := range said.Events {
			if e.Welcome != nil {
				f.welcomed.Add(1)
			}
		}
		for _, r := range said.Replies {
			if r.Publish != nil {
				f.posted.Add(1)
			} else if !strings.Contains(r.Error.Message, "(address-") {
				t.Errorf("refused with %q", r.Error.Message)
			}
		}
	}
}
