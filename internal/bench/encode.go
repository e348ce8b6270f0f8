package bench

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// stampBytes is how much of a message's text says when it was sent: nanoseconds since the start of this process, as
// hexadecimal digits.
const stampBytes = 16

var processStart = time.Now()

func sinceStart() time.Duration { return time.Since(processStart) }

// encodeRequest encodes a command. Its strings are the bench's own, so it cannot fail.
func encodeRequest(r *chatv1.ConnectRequest) []byte {
	b, err := proto.Marshal(r)
	if err != nil {
		panic(err)
	}
	return b
}

func joinRequest(room string, resume *chatv1.Resume) []byte {
	join := &chatv1.Join{Room: room, Start: &chatv1.Join_History{History: 0}}
	if resume != nil {
		join.Start = &chatv1.Join_Resume{Resume: resume}
	}
	return encodeRequest(&chatv1.ConnectRequest{RequestId: joinID, Command: &chatv1.ConnectRequest_Join{Join: join}})
}

// joinID is the request_id of joins, and publishID of publishes: of those only the number of answers matters.
const (
	joinID    = "j"
	publishID = "p"
)

// publishRequest says something of the given size, stamped with the time.
func publishRequest(room, clientID string, size int, at time.Duration) []byte {
	var stamp [8]byte
	for i := range stamp {
		stamp[i] = byte(uint64(at) >> (56 - 8*i))
	}
	text := hex.EncodeToString(stamp[:]) + noise(max(size-stampBytes, 0))
	return encodeRequest(&chatv1.ConnectRequest{
		RequestId: publishID,
		Command: &chatv1.ConnectRequest_Publish{Publish: &chatv1.Publish{
			Room: room, ClientId: clientID, Body: &chatv1.Publish_Text{Text: text},
		}},
	})
}

// noise returns n letters that neither the store nor a wire can compress to nothing: a piece of a text that is longer than
// any window of theirs.
func noise(n int) string {
	text := noiseText()
	from := rand.IntN(len(text) - n)
	return text[from : from+n]
}

// noiseText is made when it is first needed: the server is the same program.
var noiseText = sync.OnceValue(func() string {
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = 'a' + byte(rand.IntN(26))
	}
	return string(b)
})

// sentAt is what publishRequest stamped on a text.
func sentAt(text []byte) (time.Duration, bool) {
	var stamp [8]byte
	if len(text) < stampBytes {
		return 0, false
	}
	if _, err := hex.Decode(stamp[:], text[:stampBytes]); err != nil {
		return 0, false
	}
	var at uint64
	for _, b := range stamp {
		at = at<<8 | uint64(b)
	}
	return time.Duration(at), true
}

// requestToJSON is a request for the JSON wire. Requests are few, so it goes by way of the message.
func requestToJSON(request []byte) ([]byte, error) {
	r := new(chatv1.ConnectRequest)
	if err := proto.Unmarshal(request, r); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return protojson.Marshal(r)
}

// responseFromJSON is a response of the JSON wire as protobuf. It costs the generator several microseconds a message:
// the JSON wire is for small numbers of clients.
func responseFromJSON(text []byte) ([]byte, error) {
	r := new(chatv1.ConnectResponse)
	if err := protojson.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	return proto.Marshal(r)
}
