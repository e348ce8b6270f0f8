package client

import (
	"context"
	"iter"
	"slices"
	"strings"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// Feed is what this user has to do with rooms, as the server told it last: the rooms that they are a member of, on whatever
// device they became one, with what is unread there, and their invitations. Rooms that they only visit are not in it.
//
// A Feed does not change any more: it may be kept, compared and shared. Its messages must not be written to.
type Feed struct {
	// Known is false until the server has told all of it. From then on it stays true, also while the connection is broken and
	// the feed is what it was; [Client.State] tells of that.
	Known bool
	// Version is where in the order of all commands this was read. Within one connection it rises.
	Version uint64
	// Rooms are by id. Those of [Room.Unread] are ahead of these by a moment: news of rooms is told together.
	Rooms []*chatv1.FeedRoom
	// Invitations are by the id of their room, the first 500 of them.
	Invitations []*chatv1.Invitation
}

// Room returns what the feed says of a room; nil if this user is no member of it.
func (f Feed) Room(id string) *chatv1.FeedRoom { return find(f.Rooms, id, feedRoomID) }

// Invitation returns this user's invitation to a room; nil if there is none.
func (f Feed) Invitation(room string) *chatv1.Invitation {
	return find(f.Invitations, room, invitationID)
}

// Feed returns the present feed.
func (c *Client) Feed() Feed {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.feed.told
}

// Feeds yields the feed once it is known, and then each newest one: a slow loop misses those in between, and no state. It
// ends with ctx or with the client. Any number of loops may run, and what they do holds up nobody.
func (c *Client) Feeds(ctx context.Context) iter.Seq[Feed] {
	return func(yield func(Feed) bool) {
		for {
			c.mu.Lock()
			told, changed := c.feed.told, c.feed.changed
			c.mu.Unlock()
			if told.Known && !yield(told) {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			case <-c.done:
				return
			}
		}
	}
}

// feed follows the server's feed events. Guarded by Client.mu.
type feed struct {
	told    Feed          // what is shown: always whole
	changed chan struct{} // closed and replaced with each change of it
	current bool          // told is what this session's changes amend
	coming  *Feed         // the parts so far of a whole that has not come completely; nil: none is coming
}

// begin prepares for a new stream. What was told stays until the new whole is there.
func (f *feed) begin() { f.current, f.coming = false, nil }

// beginEmpty is how it begins for a guest whom the server has just made: no event says so.
func (f *feed) beginEmpty() {
	f.current = true
	f.show(Feed{Known: true})
}

// accept takes an event in.
func (f *feed) accept(event *chatv1.Feed) {
	if event.GetReset_() {
		f.current, f.coming = false, new(Feed)
	}
	switch {
	case f.coming != nil:
		*f.coming = f.coming.amended(event)
		if !event.GetMore() {
			whole := *f.coming
			f.current, f.coming = true, nil
			f.show(whole)
		}
	case f.current:
		f.show(f.told.amended(event))
	}
}

func (f *feed) show(told Feed) {
	f.told = told
	close(f.changed)
	f.changed = make(chan struct{})
}

// amended returns the feed with what an event says of it. The lists of f stay as they are.
func (f Feed) amended(event *chatv1.Feed) Feed {
	return Feed{
		Known:       true,
		Version:     event.GetVersion(),
		Rooms:       merge(f.Rooms, event.GetRooms(), event.GetRemovedRooms(), feedRoomID),
		Invitations: merge(f.Invitations, event.GetInvitations(), event.GetRemovedInvitations(), invitationID),
	}
}

func feedRoomID(r *chatv1.FeedRoom) string     { return r.GetRoom().GetId() }
func invitationID(i *chatv1.Invitation) string { return i.GetRoom().GetId() }

// merge returns a list by id with the new entries in it and without those that are gone.
func merge[E any](held, news []E, gone []string, id func(E) string) []E {
	if len(news) == 0 && len(gone) == 0 {
		return held
	}
	merged := slices.Clone(held)
	for _, entry := range news {
		if i, found := search(merged, id(entry), id); found {
			merged[i] = entry
		} else {
			merged = slices.Insert(merged, i, entry)
		}
	}
	return slices.DeleteFunc(merged, func(entry E) bool { return slices.Contains(gone, id(entry)) })
}

// find returns an entry of a list by id, or nil.
func find[E any](list []*E, wanted string, id func(*E) string) *E {
	if i, found := search(list, wanted, id); found {
		return list[i]
	}
	return nil
}

func search[E any](list []E, wanted string, id func(E) string) (int, bool) {
	return slices.BinarySearchFunc(list, wanted, func(entry E, wanted string) int {
		return strings.Compare(id(entry), wanted)
	})
}
