package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// Store is where the service reads: only what is committed.
type Store interface {
	// View returns the newest published View. The caller closes it.
	View() state.View
	// Bans returns who may not use the server, as of the last commit at any time.
	Bans() *state.Bans
	// Full reports whether nothing more should be written.
	Full() bool
}

// Config is what a [Service] is made of.
type Config struct {
	Hub       *Hub                // the one whose OnCommit the store calls; required, for one Service only
	Store     Store               // required
	Sequencer sequencer.Sequencer // required
	Guests    *auth.Guests        // nil: a session needs a token
	Logger    *slog.Logger        // nil: silent
	Limits    Limits
	Rates     Rates
	Clock     func() time.Time // of records, events and rates; nil: time.Now
	MaxRooms  int              // that one connection may have joined; 0: 200
	Delivery  Delivery
	Retention Retention // of rooms that have none of their own
	Eraser    Eraser    // nil: what is gone is not erased
	PageKey   auth.Key  // seals page tokens; the zero key: they end with the service
}

// Service is rialto.chat.v1: sessions in front of live rooms, and calls. Make one with [New]. Safe for concurrent use.
type Service struct {
	chatv1.UnsafeChatServiceServer

	engine   *engine
	hub      *Hub
	guests   *auth.Guests
	markers  *markers
	keeper   *keeper
	maxRooms int
	delivery Delivery

	sessionIDs atomic.Uint64
	sent       sent
	sending    atomic.Int64 // bytes of responses that are being written
	banning    atomic.Bool  // whether somebody is about to look for sessions of those who are banned
	wheel      wheel
	fanout     fanout

	erasures erasures

	mu       sync.Mutex            // guards draining, sessions and sweep; a leaf: no other lock is taken with it held
	draining bool                  // no session begins any more
	sessions map[*session]struct{} // those whose handler has not returned
	sweep    *time.Timer           // looks for stalled sessions; nil when there are none at all
	running  sync.WaitGroup        // handlers of sessions, every goroutine of theirs, and who ends sessions of the banned
}

// New returns a service. It starts nothing. Its streams end with their clients, or by [Service.Drain].
func New(cfg Config) (*Service, error) {
	if cfg.Hub == nil || cfg.Store == nil || cfg.Sequencer == nil {
		return nil, errors.New("chat: a service needs a hub, a store and a sequencer")
	}
	if err := cfg.Limits.Validate(); err != nil {
		return nil, fmt.Errorf("chat: %w", err)
	}
	if err := cfg.Retention.Validate(); err != nil {
		return nil, fmt.Errorf("chat: %w", err)
	}
	if err := cfg.Rates.Validate(); err != nil {
		return nil, fmt.Errorf("chat: %w", err)
	}
	if cfg.MaxRooms < 0 {
		return nil, fmt.Errorf("chat: at most %d rooms a connection: must not be negative", cfg.MaxRooms)
	}
	e := &engine{
		views:     cfg.Store,
		sequencer: cfg.Sequencer,
		reached:   &cfg.Hub.reached,
		limits:    cfg.Limits.withDefaults(),
		now:       cfg.Clock,
		log:       cfg.Logger,

		pageTokens: newPageTokens(cfg.PageKey),
	}
	if e.now == nil {
		e.now = time.Now
	}
	e.meter = newMeter(cfg.Rates, e.now)
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	delivery := cfg.Delivery.withDefaults()
	if delivery.Window > MaxWindow {
		return nil, fmt.Errorf("chat: a window of %v: at most %v", delivery.Window, MaxWindow)
	}
	cfg.Hub.memory.limit = delivery.MemoryBytes
	s := &Service{
		engine:   e,
		hub:      cfg.Hub,
		guests:   cfg.Guests,
		markers:  newMarkers(e),
		keeper:   newKeeper(e, cfg.Eraser, cfg.Retention),
		maxRooms: cmp.Or(cfg.MaxRooms, defaultMaxRooms),
		delivery: delivery,
		sessions: make(map[*session]struct{}),
	}
	cfg.Hub.onServerBans = s.endBanned
	return s, nil
}

const defaultMaxRooms = 200

// Register registers the services of rialto.chat.v1 with a grpc.Server, a bridge.Handler, or both. Connect and Subscribe send
// messages that carry their own encoding: a grpc.Server needs a codec that knows bridge.Encoded.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	chatv1.RegisterChatServiceServer(r, s)
	chatv1.RegisterRoomServiceServer(r, &roomService{engine: s.engine, keeper: s.keeper})
	chatv1.RegisterMessageServiceServer(r, &messageService{engine: s.engine})
	chatv1.RegisterMemberServiceServer(r, &memberService{engine: s.engine, markers: s.markers})
	chatv1.RegisterUserServiceServer(r, &userService{engine: s.engine})
}

// CreateGuest implements chatv1.ChatServiceServer.
func (s *Service) CreateGuest(ctx context.Context, req *chatv1.CreateGuestRequest) (*chatv1.CreateGuestResponse, error) {
	return createGuest(s.guests, "display_name", req.GetDisplayName(), func() error { return s.engine.meter.guest(network(ctx)) })
}
