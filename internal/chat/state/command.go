package state

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
)

// recordVersion is the version of all kinds' rules that this binary writes, and the only one it applies.
const recordVersion = 1

// deterministic is how all records and values are encoded.
var deterministic = proto.MarshalOptions{Deterministic: true}

// NewRecord returns the record of a command: one of the messages of rialto.store.v1 that [Kind] names. timeMS is the
// edge's clock, unix milliseconds. The error is a command of another type, or text that is not UTF-8.
func NewRecord(actor Actor, timeMS int64, command proto.Message) (Record, error) {
	kind, ok := kindOf(command)
	if !ok {
		return Record{}, fmt.Errorf("state: %T is no command", command)
	}
	body, err := deterministic.Marshal(command)
	if err != nil {
		return Record{}, fmt.Errorf("state: encode %T: %w", command, err)
	}
	return Record{Kind: kind, Version: recordVersion, Time: timeMS, Actor: actor, Body: body}, nil
}

func kindOf(command proto.Message) (Kind, bool) {
	switch command.(type) {
	case *storev1.Publish:
		return KindPublish, true
	case *storev1.Edit:
		return KindEdit, true
	case *storev1.Delete:
		return KindDelete, true
	case *storev1.React:
		return KindReact, true
	case *storev1.CreateRoom:
		return KindCreateRoom, true
	case *storev1.UpdateRoom:
		return KindUpdateRoom, true
	case *storev1.AddMember:
		return KindAddMember, true
	case *storev1.RemoveMember:
		return KindRemoveMember, true
	case *storev1.SetRole:
		return KindSetRole, true
	case *storev1.Ban:
		return KindBan, true
	case *storev1.Mute:
		return KindMute, true
	case *storev1.Invite:
		return KindInvite, true
	case *storev1.Uninvite:
		return KindUninvite, true
	case *storev1.OpenDirect:
		return KindOpenDirect, true
	case *storev1.CreateLink:
		return KindCreateLink, true
	case *storev1.RemoveLink:
		return KindRemoveLink, true
	case *storev1.AskToJoin:
		return KindAskToJoin, true
	case *storev1.AnswerRequest:
		return KindAnswerRequest, true
	case *storev1.Block:
		return KindBlock, true
	case *storev1.MarkRead:
		return KindMarkRead, true
	case *storev1.SetProfile:
		return KindSetProfile, true
	case *storev1.BanUser:
		return KindBanUser, true
	case *storev1.BanAddress:
		return KindBanAddress, true
	case *storev1.DeleteRoom:
		return KindDeleteRoom, true
	case *storev1.Trim:
		return KindTrim, true
	case *storev1.Purge:
		return KindPurge, true
	case *storev1.EraseUser:
		return KindEraseUser, true
	}
	return 0, false
}

// MarshalBinary encodes the record as a rialto.store.v1.Record.
func (r Record) MarshalBinary() ([]byte, error) {
	b, err := deterministic.Marshal(&storev1.Record{
		Kind:    uint32(r.Kind),
		Version: uint32(r.Version),
		Writer:  r.Writer,
		N:       r.N,
		TimeMs:  r.Time,
		Actor:   actorToValue(r.Actor),
		Body:    r.Body,
	})
	if err != nil {
		return nil, fmt.Errorf("state: encode record: %w", err)
	}
	return b, nil
}

// UnmarshalRecord decodes what [Record.MarshalBinary] encoded. It accepts kinds, versions and bodies that it does not
// know: [Store.Apply] refuses those.
func UnmarshalRecord(b []byte) (Record, error) {
	var v storev1.Record
	if err := proto.Unmarshal(b, &v); err != nil {
		return Record{}, fmt.Errorf("state: decode record: %w", err)
	}
	if v.GetKind() > math.MaxUint16 || v.GetVersion() > math.MaxUint16 {
		return Record{}, errors.New("state: decode record: kind or version out of range")
	}
	return Record{
		Kind:    Kind(v.GetKind()),
		Version: uint16(v.GetVersion()),
		Writer:  v.GetWriter(),
		N:       v.GetN(),
		Time:    v.GetTimeMs(),
		Actor:   actorFromValue(v.GetActor()),
		Body:    v.GetBody(),
	}, nil
}
