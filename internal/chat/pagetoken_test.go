package chat

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestPageToken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, of, key string }{
		{roomsToken, "", "lobby"},
		{membersToken, "lobby", "guest-a"},
		{membersToken, strings.Repeat("r", 64), strings.Repeat("u", 256)}, // the longest ids that the store keeps
	} {
		key, err := parsePageToken(c.kind, c.of, pageToken(c.kind, c.of, c.key))
		if err != nil || key != c.key {
			t.Errorf("%v came back as %q, %v", c, key, err)
		}
	}
	if key, err := parsePageToken(roomsToken, "", ""); key != "" || err != nil {
		t.Errorf("the first page: %q, %v", key, err)
	}
}

// FuzzParsePageToken holds that a token is what pageToken made for the same list, or is refused.
func FuzzParsePageToken(f *testing.F) {
	f.Add(pageToken(roomsToken, "", "lobby"), "")
	f.Add(pageToken(membersToken, "lobby", "guest-a"), "lobby")
	f.Add(pageToken(membersToken, "lobby", "guest-a"), "other")
	f.Add(pageToken(roomsToken, "", "lobby")+"\n", "")
	f.Add(pageToken(roomsToken, "", ""), "")
	f.Add("====", "")
	f.Add(strings.Repeat("A", 4096), "")
	f.Fuzz(func(t *testing.T, token, of string) {
		for _, kind := range []string{roomsToken, membersToken} {
			key, err := parsePageToken(kind, of, token)
			if err != nil && status.Code(err) != codes.InvalidArgument {
				t.Errorf("error %v", err)
			}
			if err == nil && token != "" && (key == "" || pageToken(kind, of, key) != token) {
				t.Errorf("%q came out as %q", token, key)
			}
		}
	})
}
