package terminal

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"google.golang.org/grpc"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// ScreenOptions says how [RunScreen] works.
type ScreenOptions struct {
	Room    string
	History int            // messages of a room to begin with, at most 100
	Server  string         // its address, to be shown
	Local   *time.Location // of the times shown; nil: time.Local
	In      io.Reader
	Out     io.Writer
}

// RunScreen is the chat as a full-screen program, until its user quits or ctx ends; it returns nil then. An error is the
// server's final refusal before it ever said welcome, or a terminal that does not work.
func RunScreen(ctx context.Context, c *client.Client, o ScreenOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	if o.Local == nil {
		o.Local = time.Local
	}
	states, feeds := make(chan client.State), make(chan client.Feed)
	var watcher sync.WaitGroup
	defer watcher.Wait()
	defer cancel()                                          // ends the watcher, and the commands that still wait
	watcher.Go(func() { pass(ctx, c.States(ctx), states) }) // ends with ctx, as the next
	watcher.Go(func() { pass(ctx, c.Feeds(ctx), feeds) })
	m := newModel(ctx, liveChat{c}, o, states, feeds, time.Now())
	_, err := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(o.In), tea.WithOutput(o.Out)).Run()
	switch {
	case m.refusal != nil:
		return m.refusal
	case errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil, errors.Is(err, tea.ErrInterrupted):
		return nil // it was told to end
	default:
		return err
	}
}

// pass passes on what is news: how the connection is, or what this user has to do with rooms.
func pass[News any](ctx context.Context, all iter.Seq[News], to chan<- News) {
	for news := range all {
		select {
		case to <- news:
		case <-ctx.Done():
			return
		}
	}
}

// chat is what the screen needs of a client.
type chat interface {
	Join(ctx context.Context, id string, history int) (room, error)
	PublishAsync(ctx context.Context, o *outgoing) (publication, error)
	SetDisplayName(name string) error
	ListRooms(ctx context.Context) iter.Seq2[client.ListedRoom, error]
	ListMembers(ctx context.Context, room string) iter.Seq2[*chatv1.Member, error]
	ListBans(ctx context.Context, room string) iter.Seq2[*chatv1.Ban, error]
	ListMembershipRequests(ctx context.Context, room string) iter.Seq2[*chatv1.MembershipRequest, error]
	ListAuditEntries(ctx context.Context, room string) iter.Seq2[*chatv1.AuditEntry, error]
	Conn() grpc.ClientConnInterface
	User() *chatv1.User
}

// room is what the screen needs of a joined room.
type room interface {
	ID() string
	Info() *chatv1.Room
	Roster() (users []*chatv1.User, online int)
	Unread() int
	ReadUpTo() uint64
	Next(ctx context.Context) (*chatv1.Event, error)
	History(ctx context.Context, before uint64, n int) ([]*chatv1.Message, error)
	Edit(ctx context.Context, seq uint64, text string, opts ...client.EditOption) (*chatv1.Message, error)
	Delete(ctx context.Context, seq uint64) error
	React(ctx context.Context, seq uint64, emoji string) (*chatv1.Message, error)
	Unreact(ctx context.Context, seq uint64, emoji string) (*chatv1.Message, error)
	Typing(active bool)
	MarkRead(seq uint64)
	Leave()
}

// publication is what the screen needs of a message on its way.
type publication interface {
	Wait(ctx context.Context) (*chatv1.PublishResult, error)
}

// liveChat is the chat of a real client.
type liveChat struct{ *client.Client }

func (c liveChat) Join(ctx context.Context, id string, history int) (room, error) {
	r, err := c.Client.Join(ctx, id, client.History(history))
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (c liveChat) PublishAsync(ctx context.Context, o *outgoing) (publication, error) {
	p, err := c.Client.PublishAsync(ctx, o.room, o.text,
		client.WithClientID(o.clientID), client.ReplyTo(o.replyTo), client.Mentions(o.mentions))
	if err != nil {
		return nil, err
	}
	return p, nil
}
