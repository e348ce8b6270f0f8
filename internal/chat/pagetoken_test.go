package chat

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/internal/auth"
)

func TestPageToken(t *testing.T) {
	t.Parallel()
	tokens, again := newPageTokens(auth.Key{1}), newPageTokens(auth.Key{1})
	for _, c := range []struct{ kind, of, key string }{
		{roomsToken, "", "lobby"},
		{membersToken, "lobby", "guest-a"},
		{membersToken, strings.Repeat("r", 64), strings.Repeat("u", 256)}, // the longest ids that the store keeps
	} {
		token := listing{tokens, c.kind, c.of}.token(c.key)
		key, err := listing{again, c.kind, c.of}.after(token)
		if err != nil || key != c.key {
			t.Errorf("%v came back as %q, %v", c, key, err)
		}
		for name, l := range map[string]listing{
			"kind":      {tokens, auditToken, c.of},
			"list":      {tokens, c.kind, c.of + "x"},
			"key":       {newPageTokens(auth.Key{2}), c.kind, c.of},
			"other key": {newPageTokens(auth.Key{}), c.kind, c.of},
		} {
			if key, err := l.after(token); status.Code(err) != codes.InvalidArgument {
				t.Errorf("of another %s: %q, %v", name, key, err)
			}
		}
	}
	rooms := listing{tokens, roomsToken, ""}
	if key, err := rooms.after(""); key != "" || err != nil {
		t.Errorf("the first page: %q, %v", key, err)
	}
	if a, b := rooms.token("a"), rooms.token(strings.Repeat("b", 64)); len(a) != len(b) {
		t.Errorf("tokens of %d and %d bytes tell ids of rooms apart", len(a), len(b))
	}
	acts := listing{tokens, actsToken, ""}
	for key, want := range map[string]uint64{"1": 1, "9223372036854775807": 1<<63 - 1} {
		if n, err := acts.before(acts.token(key)); n != want || err != nil {
			t.Errorf("before %s: %d, %v", key, n, err)
		}
	}
}

// FuzzPageToken holds that a token is what was made for the same list, or is refused.
func FuzzPageToken(f *testing.F) {
	tokens := newPageTokens(auth.Key{1})
	rooms, members := listing{tokens, roomsToken, ""}, listing{tokens, membersToken, "lobby"}
	f.Add(rooms.token("lobby"), "")
	f.Add(members.token("guest-a"), "lobby")
	f.Add(members.token("guest-a"), "other")
	f.Add(rooms.token("lobby")+"\n", "")
	f.Add(rooms.token(""), "")
	f.Add("====", "")
	f.Add(strings.Repeat("A", 4096), "")
	f.Fuzz(func(t *testing.T, token, of string) {
		for _, kind := range []string{roomsToken, membersToken, actsToken} {
			l := listing{tokens, kind, of}
			key, err := l.after(token)
			if err != nil && status.Code(err) != codes.InvalidArgument {
				t.Errorf("error %v", err)
			}
			if err == nil && len(l.token(key)) != len(token) && token != "" {
				t.Errorf("%q came out as %q", token, key)
			}
			if n, err := l.before(token); err == nil && token != "" && n == 0 && key != "" {
				t.Errorf("%q is no number", key)
			}
		}
	})
}
