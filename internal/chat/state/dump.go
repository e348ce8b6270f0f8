package state

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// Dump writes all of the state that is published, as text, one line for each row in the order of the keys. States that
// are equal have equal dumps, in whatever batches they came about; the epoch, which is the directory's and not decided
// by commands, is left out. The text of messages is in it.
func (s *Store) Dump(w io.Writer) error {
	view := s.View().(*reader)
	defer view.Close()
	out := bufio.NewWriter(w)
	if err := view.dump(out); err != nil {
		return fmt.Errorf("state: dump: %w", err)
	}
	return out.Flush()
}

func (s *snapshot) dump(w io.Writer) error {
	iter, err := s.iterate(nil, nil)
	if err != nil {
		return err
	}
	for ok := iter.First(); ok; ok = iter.Next() {
		if iter.Key()[0] == tableErased {
			continue // of this machine's disk, on which no command decides
		}
		value, err := iter.ValueAndErr()
		if err == nil {
			err = dumpRow(w, iter.Key(), value)
		}
		if err != nil {
			return errors.Join(err, iter.Close())
		}
	}
	return iter.Close()
}

func dumpRow(w io.Writer, key, value []byte) error {
	switch key[0] {
	case tableMeta:
		v := new(storev1.MetaValue)
		return dumpValue(w, key, value, v, func() string { return fmt.Sprintf("format %d", v.GetFormat()) })
	case tableApplied:
		return dumpNumber(w, key, value, "applied")
	case tableWriters:
		return dumpNumber(w, key, value, fmt.Sprintf("writer %d", lastUint64(key)))
	case tableRooms:
		v := new(storev1.RoomValue)
		return dumpValue(w, key, value, v, func() string {
			return fmt.Sprintf("room %q%s create=%d creator=%s seq=%d rev=%d first=%d update=%d members=%d restricted=%d%s",
				key[1:],
				dumpSettings(v.GetSettings()), v.GetCreateTimeMs(), dumpActor(v.GetCreator()), v.GetHeadSeq(), v.GetHeadRev(),
				v.GetFirstSeq(), v.GetUpdateTimeMs(), v.GetMembers(), v.GetRestricted(), dumpMore(v))
		})
	case tableRows:
		return dumpRoomRow(w, key, value)
	case tableUsers:
		return dumpUserRow(w, key, value)
	case tableServer:
		return dumpServerRow(w, key, value)
	case tableLinks:
		_, err := fmt.Fprintf(w, "link %q = %q\n", key[1:], value)
		return err
	}
	return fmt.Errorf("unknown table of key %q", key)
}

func dumpRoomRow(w io.Writer, key, value []byte) error {
	room, kind, id := splitRow(key)
	switch kind {
	case rowMessage:
		v := new(storev1.MessageValue)
		return dumpValue(w, key, value, v, func() string {
			return fmt.Sprintf("message %q %d rev=%d sender=%s create=%d edit=%d delete=%d client=%q%s%s%s", room,
				lastUint64(key), v.GetRev(), dumpActor(v.GetSender()), v.GetCreateTimeMs(), v.GetEditTimeMs(),
				v.GetDeleteTimeMs(), v.GetClientId(), dumpBody(v.GetBody()), dumpTies(v), dumpReactions(v.GetReactions()))
		})
	case rowChange:
		v := new(storev1.ChangeValue)
		return dumpValue(w, key, value, v, func() string {
			return fmt.Sprintf("change %q %d kind=%d seq=%d actor=%s time=%d members=%d%s%s", room, lastUint64(key),
				v.GetKind(), v.GetSeq(), dumpActor(v.GetActor()), v.GetTimeMs(), v.GetMembers(),
				dumpSettings(v.GetSettings()), dumpMember(v.GetMember()))
		})
	case rowDedupe:
		v := new(storev1.DedupeValue)
		return dumpValue(w, key, value, v, func() string {
			return fmt.Sprintf("first %q %q seq=%d rev=%d time=%d hash=%x", room, bytes.Split(id, []byte{0}), v.GetSeq(),
				v.GetRev(), v.GetTimeMs(), v.GetBodyHash())
		})
	case rowMember:
		v := new(storev1.MemberValue)
		return dumpValue(w, key, value, v, func() string { return fmt.Sprintf("member %q %q%s", room, id, dumpMember(v)) })
	case rowMarker:
		return dumpNumber(w, key, value, fmt.Sprintf("marker %q %q", room, id))
	case rowReply:
		_, err := fmt.Fprintf(w, "reply %q %d %d\n", room, lastUint64(key[:len(key)-8]), lastUint64(key))
		return err
	case rowPosted:
		return dumpNumber(w, key, value, fmt.Sprintf("posted %q %q", room, id))
	case rowBan:
		_, err := fmt.Fprintf(w, "ban %q %q\n", room, id)
		return err
	case rowMention:
		_, err := fmt.Fprintf(w, "mention %q %q %d\n", room, id[:len(id)-9], lastUint64(key))
		return err
	case rowRequest:
		v := new(storev1.RequestValue)
		return dumpValue(w, key, value, v, func() string {
			return fmt.Sprintf("request %q %q by=%s note=%q time=%d", room, id, dumpActor(v.GetActor()), v.GetNote(), v.GetTimeMs())
		})
	case rowLink:
		v := new(storev1.LinkValue)
		return dumpValue(w, key, value, v, func() string {
			return fmt.Sprintf("link %q %q by=%s role=%d time=%d until=%d uses=%d/%d", room, id, dumpActor(v.GetBy()),
				v.GetRole(), v.GetTimeMs(), v.GetUntilMs(), v.GetUses(), v.GetMaxUses())
		})
	case rowAct:
		v := new(storev1.ActValue)
		return dumpValue(w, key, value, v, func() string {
			return fmt.Sprintf("act %q %d action=%d actor=%s user=%q seq=%d time=%d until=%d text=%q role=%d", room,
				lastUint64(key), v.GetAction(), dumpActor(v.GetActor()), v.GetUser(), v.GetSeq(), v.GetTimeMs(),
				v.GetUntilMs(), v.GetText(), v.GetRole())
		})
	case rowForgot:
		v := new(storev1.ForgottenValue)
		return dumpValue(w, key, value, v, func() string {
			return fmt.Sprintf("forgotten %q %d sender=%q client=%q time=%d", room, lastUint64(key), v.GetSender(), v.GetClientId(),
				v.GetTimeMs())
		})
	case rowInvite:
		v := new(storev1.InvitationValue)
		return dumpValue(w, key, value, v, func() string {
			return fmt.Sprintf("invitation %q %q by=%s role=%d time=%d", room, id, dumpActor(v.GetBy()), v.GetRole(), v.GetTimeMs())
		})
	}
	return fmt.Errorf("unknown kind of row %q", key)
}

func dumpServerRow(w io.Writer, key, value []byte) error {
	switch kind, id := key[1], key[2:]; kind {
	case serverUserBan, serverAddressBan:
		v := new(storev1.Restriction)
		return dumpValue(w, key, value, v, func() string { return fmt.Sprintf("server ban of %q%s", id, dumpRestriction("ban", v)) })
	case serverAct:
		v := new(storev1.OperatorActValue)
		return dumpValue(w, key, value, v, func() string {
			return fmt.Sprintf("operator's act %d action=%d actor=%s time=%d room=%q user=%q prefix=%q until=%d reason=%q role=%d messages=%d",
				lastUint64(key), v.GetAction(), dumpActor(v.GetActor()), v.GetTimeMs(), v.GetRoom(), v.GetUser(), v.GetPrefix(),
				v.GetUntilMs(), v.GetReason(), v.GetRole(), v.GetMessages())
		})
	case serverErasure:
		v := new(storev1.ErasureValue)
		return dumpValue(w, key, value, v, func() string {
			return fmt.Sprintf("erasure of %q stage=%d next=%q messages=%d", id, v.GetStage(), v.GetNext(), v.GetMessages())
		})
	case serverGone:
		_, err := fmt.Fprintf(w, "erased %x\n", id)
		return err
	case serverErased:
		return dumpNumber(w, key, value, "a user was erased")
	case serverActs:
		return dumpNumber(w, key, value, "operators' acts")
	}
	return fmt.Errorf("unknown kind of row %q", key)
}

func dumpUserRow(w io.Writer, key, value []byte) error {
	user, kind, id := splitRow(key)
	switch kind {
	case userBlocks:
		return dumpNumber(w, key, value, fmt.Sprintf("blocks of %q", user))
	case userSelf:
		v := new(storev1.ProfileValue)
		return dumpValue(w, key, value, v, func() string {
			return fmt.Sprintf("profile %q name=%q about=%q emoji=%q time=%d", user, v.GetName(), v.GetAbout(), v.GetEmoji(), v.GetTimeMs())
		})
	}
	name, ok := map[byte]string{userInvite: "invited", userBlock: "blocked", userRoom: "member of"}[kind]
	if !ok {
		return fmt.Errorf("unknown kind of row %q", key)
	}
	_, err := fmt.Fprintf(w, "%s %q %q\n", name, user, id)
	return err
}

// dumpValue decodes value into v and writes the line that then describes it.
func dumpValue(w io.Writer, key, value []byte, v proto.Message, line func() string) error {
	if err := decodeValue(key, value, v); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, line())
	return err
}

func dumpNumber(w io.Writer, key, value []byte, name string) error {
	n, err := decodeUint64(key, value)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s = %d\n", name, n)
	return err
}

func dumpActor(a *storev1.Actor) string {
	s := strconv.Quote(a.GetId()) + "/" + strconv.Quote(a.GetName())
	if a.GetGuest() {
		s += "/guest"
	}
	if a.GetOperator() {
		s += "/operator"
	}
	return s
}

// dumpMore leaves out what is 0.
func dumpMore(v *storev1.RoomValue) string {
	s := ""
	if len(v.GetPeople()) > 0 {
		s += fmt.Sprintf(" people=%q", v.GetPeople())
	}
	for _, count := range []struct {
		name string
		n    uint64
	}{{"requests", v.GetRequests()}, {"links", v.GetLinks()}, {"acts", v.GetActs()}} {
		if count.n != 0 {
			s += fmt.Sprintf(" %s=%d", count.name, count.n)
		}
	}
	return s + dumpRemoval(v.GetRemoval())
}

func dumpRemoval(v *storev1.Removal) string {
	if v == nil {
		return ""
	}
	s := fmt.Sprintf(" removed={at=%d seq=%d rev=%d changes=%t clients=%d until=%d}", v.GetPosition(), v.GetSeq(), v.GetRev(),
		v.GetChanges(), v.GetClientIds(), v.GetClientIdsUntilMs())
	if v.GetDeleteTimeMs() != 0 {
		s += fmt.Sprintf(" deleted=%d by=%q erased=%t", v.GetDeleteTimeMs(), v.GetDeletedBy(), v.GetErased())
	}
	return s
}

// dumpSettings leaves out what is not set.
func dumpSettings(v *storev1.Settings) string {
	if v == nil {
		return ""
	}
	s := fmt.Sprintf(" kind=%d title=%q", v.GetKind(), v.GetTitle())
	if v.GetTopic() != "" {
		s += fmt.Sprintf(" topic=%q", v.GetTopic())
	}
	if v.GetSlowModeMs() != 0 {
		s += fmt.Sprintf(" slow=%d", v.GetSlowModeMs())
	}
	if v.GetPosting() != 0 {
		s += fmt.Sprintf(" posting=%d", v.GetPosting())
	}
	if v.GetArchiveTimeMs() != 0 {
		s += fmt.Sprintf(" archived=%d", v.GetArchiveTimeMs())
	}
	if v.GetRequests() {
		s += " requests"
	}
	if keep := v.GetRetention(); keep != nil {
		s += fmt.Sprintf(" keep=%d/%d", keep.GetAgeMs(), keep.GetMessages())
	}
	return s
}

// dumpTies says what a message has to do with others and with people.
func dumpTies(v *storev1.MessageValue) string {
	s := ""
	if v.GetReplyTo() != 0 {
		s += fmt.Sprintf(" to=%d", v.GetReplyTo())
	}
	if len(v.GetMentions()) > 0 {
		s += fmt.Sprintf(" mentions=%q", v.GetMentions())
	}
	if v.GetReplies() != 0 {
		s += fmt.Sprintf(" replies=%d last=%d at=%d", v.GetReplies(), v.GetLastReply(), v.GetLastReplyTimeMs())
	}
	return s
}

func dumpMember(v *storev1.MemberValue) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf(" user=%s role=%d since=%d%s%s", dumpActor(v.GetActor()), v.GetRole(), v.GetCreateTimeMs(),
		dumpRestriction("mute", v.GetMute()), dumpRestriction("ban", v.GetBan()))
}

func dumpRestriction(name string, v *storev1.Restriction) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf(" %s={by=%s time=%d until=%d reason=%q}", name, dumpActor(v.GetBy()), v.GetTimeMs(), v.GetUntilMs(),
		v.GetReason())
}

func dumpBody(b *storev1.Body) string {
	switch body := b.GetKind().(type) {
	case *storev1.Body_Text:
		return fmt.Sprintf(" text=%q", body.Text)
	case *storev1.Body_Data:
		return fmt.Sprintf(" type=%q data=%x", body.Data.GetType(), body.Data.GetValue())
	}
	return ""
}

func dumpReactions(reactions []*storev1.ReactionValue) string {
	var b strings.Builder
	for _, r := range reactions {
		fmt.Fprintf(&b, " %q=%q", r.GetEmoji(), r.GetUserIds())
	}
	return b.String()
}
