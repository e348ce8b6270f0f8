package chat_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat"
	"github.com/rialto-rpc/rialto/internal/chat/sequencer"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// Who joins after the room's sessions were told that they are shut out, and before a View shows it, gets nothing of what was
// committed with that: here the new form of an old message.
func TestJoinsWhileTheyAreShutOut(t *testing.T) {
	t.Parallel()
	for name, shut := range map[string]func(user string) proto.Message{
		"banned": func(user string) proto.Message { return &storev1.Ban{Room: "den", User: user} },
		"closed": func(string) proto.Message {
			return &storev1.UpdateRoom{Room: "den", Kind: proto.Uint32(uint32(chatv1.RoomKind_ROOM_KIND_PRIVATE))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told, goOn := make(chan struct{}), make(chan struct{})
			reading, published, received := make(chan struct{}), make(chan struct{}), make(chan struct{})
			store := &deletingStore{}
			var seq sequencer.Sequencer
			c := startCalls(t, config{
				reads:      func(s chat.Store) chat.Store { store.Store = s; return store },
				wrap:       func(s sequencer.Sequencer) sequencer.Sequencer { seq = s; return s },
				beforeView: func() { close(told); <-goOn },
				afterView: func() {
					close(published)
					select {
					case <-reading:
						<-received
					default: // it waits for the commit
					}
				},
			})
			owner, visitor := c.person("owner"), c.person("visitor")
			c.post(owner, "den", "as it was")
			read := func() { close(reading); <-published }
			store.meanwhile.Store(&read)
			s := c.connect(visitor)
			s.call(leaveRequest("lobby"))

			appended := make(chan error, 1)
			go func() { // ends when the commit may go on
				records := make([]state.Record, 0, 2)
				for _, command := range []proto.Message{shut(visitor.id), &storev1.Edit{Room: "den", Seq: 1, Text: "as it became"}} {
					record, err := state.NewRecord(state.Actor{ID: owner.id}, time.Now().UnixMilli(), command)
					if err != nil {
						t.Error(err)
					}
					records = append(records, record)
				}
				_, err := seq.Append(t.Context(), records...)
				appended <- err
			}()
			<-told
			s.send(&chatv1.ConnectRequest{RequestId: "join", Command: &chatv1.ConnectRequest_Join{Join: history("den", 10)}})
			replied := make(chan struct{})
			go func() { s.reply("join"); close(replied) }() // ends with the reply, which comes in any case
			select {
			case <-reading:
			case <-replied:
			}
			close(goOn)
			<-replied
			s.event(func(e *chatv1.Event) bool { // the first that there is
				for _, m := range e.GetSnapshot().GetMessages() {
					t.Errorf("received %q", m.GetText())
				}
				return e.GetSnapshot() != nil || isShutOut(e)
			})
			close(received)
			if err := <-appended; err != nil {
				t.Error(err)
			}
		})
	}
}
