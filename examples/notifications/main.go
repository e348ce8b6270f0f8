// Command notifications is a service that tells people something, now or when they come back: each has an inbox, a private room
// in which only this service posts. It also serves the page that shows an inbox, and carries the page's calls to the Rialto server.
package main

import (
	"context"
	"embed"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/bridge"
	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

//go:embed index.html
var page embed.FS

func main() {
	address := flag.String("http", "localhost:8082", "where to listen")
	server := flag.String("rialto", "localhost:9090", "the Rialto server's gRPC address")
	tokenFile := flag.String("token", "notifications.token", "the file that keeps who this service is")
	flag.Parse()

	conn, err := grpc.NewClient(*server, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	inboxes, err := open(context.Background(), conn, *tokenFile)
	if err != nil {
		log.Fatal(err)
	}
	rialto, err := bridge.NewHandler(bridge.WithUpstream(conn)) // the page's calls, to the same server
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/", http.FileServerFS(page))
	for _, service := range []string{"ChatService", "MemberService"} {
		http.Handle("/rialto.chat.v1."+service+"/", rialto)
	}
	http.HandleFunc("POST /inbox", inboxes.serveInbox)
	http.HandleFunc("POST /notify", inboxes.serveNotify)
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}

// inboxes are the rooms of the people that this service has something to tell, by user id.
type inboxes struct {
	client *client.Client

	mu      sync.Mutex // held while a room is made, so that nobody gets two
	rooms   map[string]string
	invited map[string]bool // since this process began
}

// open is this service's presence at the server, as who it was before, and finds the inboxes it has made.
func open(ctx context.Context, conn grpc.ClientConnInterface, tokenFile string) (*inboxes, error) {
	opts := []client.Option{
		client.WithDisplayName("notifications"),
		client.WithTokenSaver(func(token string, _ time.Time) {
			if err := os.WriteFile(tokenFile, []byte(token), 0o600); err != nil {
				log.Fatal(err)
			}
		}),
	}
	if token, err := os.ReadFile(tokenFile); err == nil {
		opts = append(opts, client.WithToken(strings.TrimSpace(string(token))))
	}
	c, err := client.New(conn, opts...)
	if err != nil {
		return nil, err
	}
	self, err := c.Ready(ctx)
	if err != nil {
		return nil, err
	}
	i := &inboxes{client: c, rooms: make(map[string]string), invited: make(map[string]bool)}
	for listed, err := range c.ListRooms(ctx) {
		if err != nil {
			return nil, err
		}
		if room := listed.Room; room.GetCreator().GetId() == self.GetId() {
			i.rooms[room.GetTitle()] = room.GetId()
		}
	}
	return i, nil
}

// of returns the room that is a user's inbox. The server chooses its id: one that could be guessed, somebody else might have
// made before.
func (i *inboxes) of(ctx context.Context, user string) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	room, ok := i.rooms[user]
	if !ok {
		made, err := i.client.Rooms().CreateRoom(ctx, &chatv1.CreateRoomRequest{
			Title: user, Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE, Posting: chatv1.Role_ROLE_OWNER,
		})
		if err != nil {
			return "", err
		}
		room = made.GetRoom().GetId()
		i.rooms[user] = room
	}
	if i.invited[user] {
		return room, nil
	}
	// Only whoever proves to be this user can accept it. It may have failed for a room that was made before; for whoever is in
	// already it changes nothing.
	if _, err := i.client.Members().InviteMember(ctx, &chatv1.InviteMemberRequest{Room: room, UserId: user}); err != nil {
		return "", err
	}
	i.invited[user] = true
	return room, nil
}

// serveInbox tells a page which room its user's inbox is.
func (i *inboxes) serveInbox(w http.ResponseWriter, r *http.Request) {
	user, ok := named(w, r.FormValue("user"))
	if !ok {
		return
	}
	room, err := i.of(r.Context(), user)
	if err != nil {
		refuse(w, err)
		return
	}
	json.NewEncoder(w).Encode(map[string]string{"room": room})
}

// serveNotify posts the request's body into a user's inbox. Whoever repeats a request under the same Idempotency-Key has it
// posted once.
func (i *inboxes) serveNotify(w http.ResponseWriter, r *http.Request) {
	user, ok := named(w, r.URL.Query().Get("user"))
	if !ok {
		return
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	room, err := i.of(r.Context(), user)
	if err != nil {
		refuse(w, err)
		return
	}
	var opts []client.PublishOption
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		opts = append(opts, client.WithClientID(key))
	}
	if _, err := i.client.Publish(r.Context(), room, string(text), opts...); err != nil {
		refuse(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent) // it is stored, whoever is away
}

// named answers 400 to a request whose user cannot be one, before a room is made: ids are 1 to 128 printable ASCII characters.
func named(w http.ResponseWriter, user string) (string, bool) {
	strange := func(r rune) bool { return r <= ' ' || r > '~' }
	if user == "" || len(user) > 128 || strings.ContainsFunc(user, strange) {
		http.Error(w, "user: expected an id", http.StatusBadRequest)
		return "", false
	}
	return user, true
}

func refuse(w http.ResponseWriter, err error) {
	s := status.Convert(err)
	http.Error(w, fmt.Sprintf("%s: %s", s.Code(), s.Message()), http.StatusBadGateway)
}
