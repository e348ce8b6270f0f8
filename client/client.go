package client

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// Client is one person's presence at a server. Its methods may be called concurrently.
type Client struct {
	conn   grpc.ClientConnInterface
	config config
	cancel context.CancelFunc
	wake   chan struct{} // holds one token: there may be something to send
	slots  chan struct{} // one token for each publication without an answer
	done   chan struct{} // closed when the session's goroutines are gone

	mu           sync.Mutex // guards all below, and the rooms' and publications' fields; not held while calling out
	state        State
	stateChanged chan struct{} // closed and replaced with each change of state
	err          error         // why the client ended; nil while it lives
	token        string
	displayName  string
	user         *chatv1.User  // of the last welcome
	ready        chan struct{} // closed by the first welcome
	session      session
	feed         feed
	rooms        map[string]*Room
	leaving      map[string]struct{} // rooms to leave that the server still holds joined
	publications []*Publication      // without an answer, in order
	oneByOne     bool                // one of them was refused for now
	lastID       uint64              // of requests
}

// New returns a client on conn and starts its session, which connects in the background and goes on until [Client.Close]
// or until the server refuses it for good (see [Client.Err]). conn stays the caller's; close it after the client.
func New(conn grpc.ClientConnInterface, opts ...Option) (*Client, error) {
	config := defaultConfig()
	for _, opt := range opts {
		if err := opt.apply(&config); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Client{
		conn:         conn,
		config:       config,
		cancel:       cancel,
		wake:         make(chan struct{}, 1),
		slots:        make(chan struct{}, config.inFlight),
		done:         make(chan struct{}),
		stateChanged: make(chan struct{}),
		token:        config.token,
		displayName:  config.displayName,
		ready:        make(chan struct{}),
		rooms:        make(map[string]*Room),
		leaving:      make(map[string]struct{}),
		feed:         feed{changed: make(chan struct{})},
	}
	go c.run(ctx) // ends with ctx or a final refusal; Close waits for it
	return c, nil
}

// Close ends the session at once and waits until its goroutines are gone. Publishes without an answer return ErrClosed,
// their outcome unknown: wait for them first where that matters. Close may be called again.
func (c *Client) Close() error {
	c.cancel()
	<-c.done
	return nil
}

// Done is closed when the client has ended, by Close or because the server refused the session for good.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err returns nil while the client lives, ErrClosed after Close, and otherwise the status with which the server refused
// the session for good, such as UNAUTHENTICATED for a token that is not valid.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Ready waits until the server has said welcome for the first time, and returns who this client is. It returns an error
// when ctx ends or the client does.
func (c *Client) Ready(ctx context.Context) (*chatv1.User, error) {
	select {
	case <-c.ready:
		return c.User(), nil
	default:
	}
	select {
	case <-c.ready:
		return c.User(), nil
	case <-c.done:
		return nil, c.Err()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// User returns who this client is, by the newest welcome; nil before the first.
func (c *Client) User() *chatv1.User {
	c.mu.Lock()
	defer c.mu.Unlock()
	return proto.CloneOf(c.user)
}

// SetDisplayName changes the name that others see, 1 to 64 characters. A session is named when it begins, so a new one
// is begun at once; every room resumes in it.
func (c *Client) SetDisplayName(name string) error {
	if err := checkDisplayName(name); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if name != c.displayName {
		c.displayName = name
		c.session.end = errRestart
		c.wakeUp()
	}
	return nil
}

// wakeUp makes the session look for something to send.
func (c *Client) wakeUp() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// finish ends the client with err. The session has no goroutines any more.
func (c *Client) finish(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	reason := err
	if err == ErrClosed {
		reason = nil
	}
	c.setStateLocked(State{Phase: Closed, Err: reason})
	for _, r := range c.rooms {
		r.endLocked(err)
	}
	clear(c.rooms)
	for _, p := range c.publications {
		c.settleLocked(p, nil, err)
	}
	c.publications = nil
}

// Limits of a session's silence: a network that is cut shows within their sum.
const (
	probeAfter = 15 * time.Second // of silence
	deadAfter  = 10 * time.Second // more, although probed
	stuckAfter = 60 * time.Second // of one room, although the server is alive and the room has not caught up
)
