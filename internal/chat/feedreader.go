package chat

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// feedReader reads a part of a feed.
type feedReader struct {
	session *session
	user    string
	now     time.Time
	whole   bool           // whether it is one of the whole
	sent    feedPosition   // of the whole
	rooms   []state.RoomID // of the whole, or that changed
	touched []bool         // for each of those that changed
	had     []bool         // for each of those that changed: whether the session knows it as one of its rooms
	done    int            // how many of rooms were read
	space   int            // bytes that are left for the part; it may pass them once
	part    *chatv1.Feed
}

func (r *feedReader) event() *event {
	p := r.part
	if !r.whole && len(p.GetRooms())+len(p.GetRemovedRooms())+len(p.GetInvitations())+len(p.GetRemovedInvitations()) == 0 {
		return nil
	}
	return newEvent(&chatv1.Event{Time: timestamppb.New(r.now), Kind: &chatv1.Event_Feed{Feed: p}})
}

// read fills the part while there is space. The rooms are those of one View, and what is said of them of a later one, after the
// hub was asked to tell of them: so nothing is missed.
func (r *feedReader) read() error {
	if r.whole {
		if err := r.list(); err != nil {
			return err
		}
	}
	for i, room := range r.rooms {
		if r.whole || r.touched[i] {
			r.session.service.hub.followFeed(r.session, room)
		}
	}
	v := r.session.service.engine.views.View()
	defer v.Close()
	r.part.Version = uint64(v.Pos())
	if err := r.readRooms(v); err != nil {
		return fmt.Errorf("read feed: %w", err)
	}
	for i := r.done; i < len(r.rooms); i++ {
		if r.whole || !r.had[i] {
			r.session.service.hub.dropFeed(r.session, r.rooms[i]) // until it is told
		}
	}
	if !r.whole {
		return nil
	}
	if r.done > 0 {
		r.sent.room = r.rooms[r.done-1]
	}
	r.part.More = true
	if r.done < len(r.rooms) || !r.sent.roomsDone {
		r.sent.roomsDone = false
		return nil
	}
	return r.readInvitations(v)
}

// list chooses the next rooms of the whole, and says whether they are the last.
func (r *feedReader) list() error {
	if r.sent.roomsDone {
		return nil
	}
	v := r.session.service.engine.views.View()
	defer v.Close()
	rooms, err := v.RoomsOf(r.user, r.sent.room, feedPage+1)
	if err != nil {
		return fmt.Errorf("list feed: %w", err)
	}
	r.sent.roomsDone = len(rooms) <= feedPage
	r.rooms = rooms[:min(len(rooms), feedPage)]
	return nil
}

// readRooms says what the user has to do with the rooms, or the first of them.
func (r *feedReader) readRooms(v state.View) error {
	for i, room := range r.rooms {
		if r.space <= 0 {
			return nil
		}
		r.done++
		member, err := r.readRoom(v, room, !r.whole && r.touched[i])
		if err != nil {
			return err
		}
		if member {
			continue
		}
		r.session.service.hub.dropFeed(r.session, room)
		if !r.whole && r.had[i] {
			r.part.RemovedRooms = append(r.part.RemovedRooms, string(room))
		}
	}
	return nil
}

// readRoom says what the user has to do with a room, and returns whether they are a member of it.
func (r *feedReader) readRoom(v state.View, id state.RoomID, touched bool) (bool, error) {
	room, ok, err := v.Room(id)
	if err != nil {
		return false, err
	}
	if !ok { // it was deleted
		if touched {
			r.part.RemovedInvitations = append(r.part.RemovedInvitations, string(id))
		}
		return false, nil
	}
	member, err := v.Member(id, r.user)
	if err != nil {
		return false, err
	}
	if member.Role != state.RoleNone {
		if err := r.addRoom(v, room, member); err != nil {
			return false, err
		}
	}
	if !touched {
		return member.Role != state.RoleNone, nil
	}
	invitation, invited, err := v.Invitation(id, r.user)
	if invited {
		r.addInvitation(invitationProto(invitation, room))
	} else {
		r.part.RemovedInvitations = append(r.part.RemovedInvitations, string(id))
	}
	return member.Role != state.RoleNone, err
}

func (r *feedReader) addRoom(v state.View, room state.Room, member state.Member) error {
	seq, err := v.ReadMarker(room.ID, r.user)
	if err != nil {
		return err
	}
	mentions, err := v.Mentions(room.ID, r.user, seq, maxCounted)
	if err != nil {
		return err
	}
	entry := &chatv1.FeedRoom{
		Room:     roomProto(room),
		Member:   memberProto(member),
		Read:     readMarkerProto(room.ID, seq, room.Head),
		Mentions: uint32(mentions),
	}
	if member.Role >= state.RoleModerator {
		entry.Requests = uint32(room.Asking)
	}
	r.part.Rooms = append(r.part.Rooms, entry)
	r.space -= proto.Size(entry)
	return nil
}

func (r *feedReader) addInvitation(i *chatv1.Invitation) {
	r.part.Invitations = append(r.part.Invitations, i)
	r.space -= proto.Size(i)
}

// readInvitations goes on with the invitations of the whole, and says whether they are the last.
func (r *feedReader) readInvitations(v state.View) error {
	most := min(feedPage, maxInvited-r.sent.invited)
	invitations, err := v.Invitations(r.user, r.sent.invitation, most+1) // one more, to know whether there are more
	if err != nil {
		return fmt.Errorf("read feed: %w", err)
	}
	for _, i := range invitations[:min(len(invitations), most)] {
		if r.space <= 0 {
			return nil
		}
		room, ok, err := v.Room(i.Room)
		if err != nil {
			return fmt.Errorf("read feed: %w", err)
		}
		if ok {
			r.addInvitation(invitationProto(i, room))
		}
		r.sent.invitation = i.Room
		r.sent.invited++
	}
	r.part.More = len(invitations) > most && r.sent.invited < maxInvited
	return nil
}
