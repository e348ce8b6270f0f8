package state

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// Apply decides entries, in order, against the state as the last Commit left it; each sees what those before it did.
// The positions continue those applied. The change is Commit's; nothing is visible before.
//
// A record at or below its writer's mark was applied before: it has no effect, and its result is Accepted and Duplicate
// without more, since results are not kept. A record of an unknown kind or version, or one that makes no sense (a body
// that cannot be decoded, an id that is empty or has a zero byte) is refused as UnsupportedRecord. An error is one of
// the disk or of the caller, never of a record.
func (s *Store) Apply(entries []Entry) (*Change, error) {
	if err := s.failure.get(); err != nil {
		return nil, err
	}
	change, err := s.apply(entries)
	if err != nil {
		s.failure.set(err)
	}
	return change, err
}

func (s *Store) apply(entries []Entry) (*Change, error) {
	if s.pending != nil {
		return nil, fmt.Errorf("state: apply: the change at position %d is not committed", s.pending.applied)
	}
	t := s.begin(len(entries))
	s.pending = t
	for i := range entries {
		e := &entries[i]
		if e.Pos != t.applied+1 {
			return nil, fmt.Errorf("state: apply: position %d does not follow %d", e.Pos, t.applied)
		}
		t.applied = e.Pos
		result, err := t.apply(&e.Record)
		if err != nil {
			return nil, fmt.Errorf("state: apply position %d: %w", e.Pos, err)
		}
		result.Pos = e.Pos
		t.change.Results = append(t.change.Results, result)
	}
	return t.change, t.finish()
}

// apply decides one record.
func (t *transaction) apply(r *Record) (Result, error) {
	fresh, err := t.advanceWriter(r.Writer, r.N)
	if err != nil {
		return Result{}, err
	}
	if !fresh {
		return Result{Duplicate: true}, nil
	}
	command, ok := decodeCommand(r)
	if !ok {
		return Result{Refusal: UnsupportedRecord}, nil
	}
	if t.shutsOut(r) {
		return Result{Refusal: ShutOutOfServer}, nil
	}
	if t.concernsGone(command) {
		return Result{Refusal: PersonErased}, nil
	}
	switch c := command.(type) {
	case *storev1.Publish:
		return t.publish(r, c)
	case *storev1.Edit:
		return t.edit(r, c)
	case *storev1.Delete:
		return t.delete(r, c)
	case *storev1.React:
		return t.react(r, c)
	case *storev1.CreateRoom:
		return t.createRoom(r, c)
	case *storev1.UpdateRoom:
		return t.updateRoom(r, c)
	case *storev1.AddMember:
		return t.addMember(r, c)
	case *storev1.RemoveMember:
		return t.removeMember(r, c)
	case *storev1.SetRole:
		return t.setRole(r, c)
	case *storev1.Ban:
		return t.ban(r, c)
	case *storev1.Mute:
		return t.mute(r, c)
	case *storev1.Invite:
		return t.invite(r, c)
	case *storev1.Uninvite:
		return t.uninvite(r, c)
	case *storev1.MarkRead:
		return t.markRead(r, c)
	case *storev1.OpenDirect:
		return t.openDirect(r, c)
	case *storev1.CreateLink:
		return t.createLink(r, c)
	case *storev1.RemoveLink:
		return t.removeLink(r, c)
	case *storev1.AskToJoin:
		return t.askToJoin(r, c)
	case *storev1.AnswerRequest:
		return t.answerRequest(r, c)
	case *storev1.Block:
		return t.block(r, c)
	case *storev1.SetProfile:
		return t.setProfile(r, c)
	case *storev1.BanUser:
		return t.banUser(r, c)
	case *storev1.BanAddress:
		return t.banAddress(r, c)
	case *storev1.DeleteRoom:
		return t.deleteRoom(r, c)
	case *storev1.Trim:
		return t.trim(r, c)
	case *storev1.Purge:
		return t.purge(r, c)
	case *storev1.EraseUser:
		return t.eraseUser(r, c)
	}
	return Result{Refusal: UnsupportedRecord}, nil
}

// decodeCommand returns the command of a record; false if it has no meaning to this version of the rules.
func decodeCommand(r *Record) (proto.Message, bool) {
	if r.Version != recordVersion || !validID(r.Actor.ID) || !utf8.ValidString(r.Actor.Name) {
		return nil, false
	}
	c := newCommand(r.Kind)
	if c == nil || proto.Unmarshal(r.Body, c) != nil {
		return nil, false
	}
	if in, ok := c.(interface{ GetRoom() string }); ok && !validID(in.GetRoom()) {
		return nil, false
	}
	if about, ok := c.(interface{ GetUser() string }); ok && !validID(about.GetUser()) {
		return nil, false
	}
	return c, validCommand(c) && (r.Actor.Operator || !forOperators(c))
}

// forOperators reports whether a command is one of operators only.
func forOperators(c proto.Message) bool {
	switch c.(type) {
	case *storev1.BanUser, *storev1.BanAddress, *storev1.EraseUser:
		return true
	}
	return false
}

// validCommand reports whether what is peculiar to a kind of command makes sense.
func validCommand(c proto.Message) bool {
	switch c := c.(type) {
	case *storev1.Publish:
		return validPublish(c)
	case *storev1.CreateRoom:
		s := c.GetSettings()
		return (s.GetKind() == 0 || validKind(s.GetKind())) && s.GetPosting() <= uint32(RoleOwner) &&
			s.GetArchiveTimeMs() == 0 && s.GetRetention().GetAgeMs() >= 0
	case *storev1.UpdateRoom:
		return (c.Kind == nil || validKind(c.GetKind())) && c.GetPosting() <= uint32(RoleOwner) &&
			c.GetRetention().GetAgeMs() >= 0
	case *storev1.SetRole:
		return c.GetRole() >= uint32(RoleGuest) && c.GetRole() <= uint32(RoleOwner)
	case *storev1.Invite:
		return c.GetRole() >= uint32(RoleGuest) && c.GetRole() <= uint32(RoleMember)
	case *storev1.CreateLink:
		return validID(c.GetLink()) && c.GetRole() >= uint32(RoleGuest) && c.GetRole() <= uint32(RoleMember)
	case *storev1.RemoveLink:
		return validID(c.GetLink())
	case *storev1.AddMember:
		return c.GetLink() == "" || validID(c.GetLink())
	case *storev1.BanAddress:
		prefix, err := netip.ParsePrefix(c.GetPrefix())
		return err == nil && prefix == prefix.Masked() && prefix.String() == c.GetPrefix()
	case *storev1.OpenDirect:
		return len(c.GetUsers()) <= MaxDirect && !slices.ContainsFunc(c.GetUsers(), func(u string) bool { return !validID(u) })
	}
	return true
}

// validKind reports whether k is a kind of room.
func validKind(k uint32) bool { return k >= uint32(Public) && k <= uint32(Private) }

// newCommand returns an empty command of a kind; nil if there is no such kind.
func newCommand(k Kind) proto.Message {
	switch k {
	case KindPublish:
		return new(storev1.Publish)
	case KindEdit:
		return new(storev1.Edit)
	case KindDelete:
		return new(storev1.Delete)
	case KindReact:
		return new(storev1.React)
	case KindCreateRoom:
		return new(storev1.CreateRoom)
	case KindUpdateRoom:
		return new(storev1.UpdateRoom)
	case KindAddMember:
		return new(storev1.AddMember)
	case KindMarkRead:
		return new(storev1.MarkRead)
	case KindRemoveMember:
		return new(storev1.RemoveMember)
	case KindSetRole:
		return new(storev1.SetRole)
	case KindBan:
		return new(storev1.Ban)
	case KindMute:
		return new(storev1.Mute)
	case KindInvite:
		return new(storev1.Invite)
	case KindUninvite:
		return new(storev1.Uninvite)
	case KindOpenDirect:
		return new(storev1.OpenDirect)
	case KindCreateLink:
		return new(storev1.CreateLink)
	case KindRemoveLink:
		return new(storev1.RemoveLink)
	case KindAskToJoin:
		return new(storev1.AskToJoin)
	case KindAnswerRequest:
		return new(storev1.AnswerRequest)
	case KindBlock:
		return new(storev1.Block)
	case KindSetProfile:
		return new(storev1.SetProfile)
	case KindBanUser:
		return new(storev1.BanUser)
	case KindBanAddress:
		return new(storev1.BanAddress)
	case KindDeleteRoom:
		return new(storev1.DeleteRoom)
	case KindTrim:
		return new(storev1.Trim)
	case KindPurge:
		return new(storev1.Purge)
	case KindEraseUser:
		return new(storev1.EraseUser)
	}
	return nil
}

// validPublish reports whether a publish can be stored: its client_id can be part of a key, and it says something. A
// body of typed bytes without a type could not be told from text.
func validPublish(p *storev1.Publish) bool {
	if p.GetClientId() != "" && !validID(p.GetClientId()) {
		return false
	}
	switch body := p.GetBody().GetKind().(type) {
	case *storev1.Body_Text:
		return true
	case *storev1.Body_Data:
		return body.Data.GetType() != ""
	}
	return false
}

// validID reports whether an id can be part of a key; see keys.go.
func validID(id string) bool {
	return id != "" && len(id) <= maxIDBytes && strings.IndexByte(id, 0) < 0 && utf8.ValidString(id)
}
