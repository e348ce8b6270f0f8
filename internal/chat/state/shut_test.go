package state_test

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// To shut a room for visitors costs the same however many members it has: an owner may do it over and over.
func TestShuttingARoomReadsNoMembers(t *testing.T) { // not in parallel: it counts allocations
	s := openWith(t, state.Options{FS: vfs.NewMem(), CachedRooms: 1})
	do(t, s, user("ana"), 1, say("den", "", "hello"))
	turn := func() {
		do(t, s, user("ana"), 1, &storev1.UpdateRoom{Room: "den", Kind: proto.Uint32(uint32(state.Public))})
		do(t, s, user("ana"), 1, &storev1.UpdateRoom{Room: "den", Kind: proto.Uint32(uint32(state.Private))})
	}
	few := testing.AllocsPerRun(10, turn)
	do(t, s, user("ana"), 1, &storev1.UpdateRoom{Room: "den", Kind: proto.Uint32(uint32(state.Public))})
	for i := range 2000 {
		do(t, s, user(fmt.Sprint("member ", i)), 1, &storev1.AddMember{Room: "den"})
	}
	if many := testing.AllocsPerRun(10, turn); many > 2*few+500 {
		t.Errorf("%v allocations with a member, %v with 2,000", few, many)
	}
}
