//go:build !race

package bench

import (
	"net/http/httptest"
	"testing"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/proto"

	"github.com/rialto-rpc/rialto/bridge"
)

// What the frame path allocates is counted, not timed: all that round trips in one process allocate, less what their messages
// themselves are. It is for a message on its way from one end's Send to the other's Recv, both ends taken together. (The race
// detector makes allocations of its own, so there is no such test with it.)
func TestFramePathAllocations(t *testing.T) {
	h, err := bridge.NewHandler()
	if err != nil {
		t.Fatal(err)
	}
	testgrpc.RegisterTestServiceServer(h, echoService{})
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	client := dialBridge(t, server.Listener.Addr().String())
	for _, test := range []struct {
		bytes int
		limit float64
	}{
		{0, 3}, {100, 3}, {4 << 10, 3}, {15 << 10, 3},
		{64 << 10, 8}, // five frames, and those that return credit
	} {
		trip, err := openBidi(t.Context(), client, test.bytes)
		if err != nil {
			t.Fatal(err)
		}
		whole := allocsOf(t, trip)
		messages := allocsOf(t, receiveBoth(t, test.bytes))
		path := (whole - messages) / 2
		t.Logf("%d bytes: %.2f allocations a round trip, %.2f of them the messages': the frame path makes %.2f a message",
			test.bytes, whole, messages, path)
		if path > test.limit {
			t.Errorf("%d bytes: the frame path makes %.2f allocations a message, more than %v", test.bytes, path, test.limit)
		}
	}
}

// receiveBoth is what a round trip does with messages but for encoding them: the request is made and decoded, and the response.
func receiveBoth(t *testing.T, bytes int) trip {
	request, err := proto.Marshal(&testgrpc.StreamingOutputCallRequest{Payload: newPayload(bytes)})
	if err != nil {
		t.Fatal(err)
	}
	response, err := proto.Marshal(&testgrpc.StreamingOutputCallResponse{Payload: newPayload(bytes)})
	if err != nil {
		t.Fatal(err)
	}
	return func() error {
		in := new(testgrpc.StreamingOutputCallRequest)
		if err := proto.Unmarshal(request, in); err != nil {
			return err
		}
		sent = &testgrpc.StreamingOutputCallResponse{Payload: in.GetPayload()}
		return proto.Unmarshal(response, new(testgrpc.StreamingOutputCallResponse))
	}
}

// sent keeps the compiler from making a message on the stack that a service makes on the heap.
var sent *testgrpc.StreamingOutputCallResponse

// allocsOf is the mean number of allocations of a trip. AllocsPerRun rounds down, so a run is many of them.
func allocsOf(t *testing.T, trip trip) float64 {
	const trips = 200
	return testing.AllocsPerRun(5, func() {
		for range trips {
			if err := trip(); err != nil {
				t.Fatal(err)
			}
		}
	}) / trips
}
