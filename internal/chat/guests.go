package chat

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
)

// createGuest makes a fresh identity under a name to show; an empty one lets the server choose. guests is nil where the
// server admits none. admit may refuse a valid request.
func createGuest(guests *auth.Guests, field, name string, admit func() error) (*chatv1.CreateGuestResponse, error) {
	if guests == nil {
		return nil, errNoGuests
	}
	if name != "" {
		if err := validateName(field, name); err != nil {
			return nil, err
		}
	}
	if err := admit(); err != nil {
		return nil, err
	}
	p, token, err := guests.Issue(name)
	if err != nil {
		return nil, invalidArgument(field, "does not fit into a token")
	}
	return &chatv1.CreateGuestResponse{
		User:         userProto(actorOf(p)),
		GuestToken:   token,
		TokenExpires: timestamppb.New(p.Expires),
	}, nil
}
