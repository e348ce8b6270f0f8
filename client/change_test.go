package client_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// overWires runs a test against the real server, over each wire.
func overWires(t *testing.T, test func(t *testing.T, s *realServer, over string)) {
	t.Parallel()
	for _, over := range wires {
		t.Run(over, func(t *testing.T) {
			t.Parallel()
			test(t, startServer(t), over)
		})
	}
}

func join(t *testing.T, c *client.Client, id string, start client.Start) *client.Room {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	room, err := c.Join(ctx, id, start)
	if err != nil {
		t.Fatal(err)
	}
	return room
}

// await takes events until one is of interest.
func await[T any](t *testing.T, room *client.Room, interest func(*chatv1.Event) (T, bool)) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		event, err := room.Next(ctx)
		if err != nil {
			t.Fatalf("waiting for an event: %v", err)
		}
		if found, ok := interest(event); ok {
			return found
		}
	}
}

func TestMessagesAreChanged(t *testing.T) {
	overWires(t, func(t *testing.T, s *realServer, over string) {
		ctx := t.Context()
		mine, theirs := s.client(t, over, nil), s.client(t, over, nil)
		room, other := join(t, mine, "lobby", client.History(0)), join(t, theirs, "lobby", client.History(0))
		for _, text := range []string{"first", "second"} {
			if _, err := room.Publish(ctx, text); err != nil {
				t.Fatal(err)
			}
		}
		user, err := theirs.Ready(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := room.Edit(ctx, 1, "the first", client.Mentions{user.GetId()}); err != nil {
			t.Fatal(err)
		}
		edited := await(t, other, func(e *chatv1.Event) (*chatv1.Message, bool) { return e.GetEdited(), e.GetEdited() != nil })
		if edited.GetText() != "the first" || !slices.Equal(edited.GetMentions(), []string{user.GetId()}) {
			t.Errorf("edited %v", edited)
		}
		if _, err := room.Edit(ctx, 1, "again", client.IfRev(1)); status.Code(err) != codes.Aborted {
			t.Errorf("edit of an older rev: %v", err)
		}
		if _, err := other.Edit(ctx, 1, "not mine"); status.Code(err) != codes.PermissionDenied {
			t.Errorf("edit of another's: %v", err)
		}

		for range 2 { // the second does nothing
			if message, err := other.React(ctx, 2, "👍"); err != nil || len(message.GetReactions()) != 1 {
				t.Errorf("reacted: %v, %v", message, err)
			}
		}
		reacted := await(t, room, func(e *chatv1.Event) (*chatv1.Message, bool) { return e.GetReacted(), e.GetReacted() != nil })
		if reacted.GetSeq() != 2 || !slices.Equal(reacted.GetReactions()[0].GetUserIds(), []string{user.GetId()}) {
			t.Errorf("reacted %v", reacted)
		}
		if message, err := other.Unreact(ctx, 2, "👍"); err != nil || len(message.GetReactions()) != 0 {
			t.Errorf("taken back: %v, %v", message, err)
		}

		people := []string{mine.User().GetId(), "others", "of", "no", "concern", "here", "at all"}
		publication, err := other.PublishAsync(ctx, "an answer", client.ReplyTo(1), client.Mentions(people[:1]))
		if err != nil {
			t.Fatal(err)
		}
		if people[1] != "others" {
			t.Errorf("the program's own list has become %q", people)
		}
		people[0] = "the program's again"
		if _, err := publication.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		answer := await(t, room, func(e *chatv1.Event) (*chatv1.Message, bool) {
			return e.GetPosted(), e.GetPosted().GetSeq() == 3
		})
		if answer.GetReplyTo() != 1 || !slices.Equal(answer.GetMentions(), []string{mine.User().GetId()}) {
			t.Errorf("answer %v", answer)
		}
		if replies, err := room.Replies(ctx, 1, 0, 10); err != nil || len(replies) != 1 || replies[0].GetSeq() != 3 {
			t.Errorf("replies %v, %v", replies, err)
		}

		if err := room.Delete(ctx, 1); err != nil {
			t.Fatal(err)
		}
		if message, err := other.Message(ctx, 1); err != nil || message.GetDeleteTime() == nil || message.GetText() != "" {
			t.Errorf("deleted: %v, %v", message, err)
		}
		if _, err := other.Message(ctx, 9); status.Code(err) != codes.NotFound {
			t.Errorf("no such message: %v", err)
		}
	})
}

func TestHistoryGoesBothWays(t *testing.T) {
	overWires(t, func(t *testing.T, s *realServer, over string) {
		room := join(t, s.client(t, over, nil), "lobby", client.FromNow())
		for range 5 {
			if _, err := room.Publish(t.Context(), "x"); err != nil {
				t.Fatal(err)
			}
		}
		seqs := func(page []*chatv1.Message, err error) (seqs []uint64) {
			if err != nil {
				t.Error(err)
			}
			for _, m := range page {
				seqs = append(seqs, m.GetSeq())
			}
			return seqs
		}
		for name, test := range map[string]struct{ got, want []uint64 }{
			"the newest": {seqs(room.History(t.Context(), 0, 2)), []uint64{4, 5}},
			"before 4":   {seqs(room.History(t.Context(), 4, 2)), []uint64{2, 3}},
			"after 2":    {seqs(room.HistoryAfter(t.Context(), 2, 2)), []uint64{3, 4}},
			"after 0":    {seqs(room.HistoryAfter(t.Context(), 0, 1)), []uint64{1}},
			"after 5":    {seqs(room.HistoryAfter(t.Context(), 5, 9)), nil},
		} {
			if !slices.Equal(test.got, test.want) {
				t.Errorf("%s: %v, want %v", name, test.got, test.want)
			}
		}
	})
}

func TestUnread(t *testing.T) {
	overWires(t, func(t *testing.T, s *realServer, over string) {
		reader, writer := s.client(t, over, nil), s.client(t, over, nil)
		room, other := join(t, reader, "lobby", client.History(9)), join(t, writer, "lobby", client.FromNow())
		for range 3 {
			if _, err := other.Publish(t.Context(), "x"); err != nil {
				t.Fatal(err)
			}
		}
		posted := func(seq uint64) {
			await(t, room, func(e *chatv1.Event) (bool, bool) { return true, e.GetPosted().GetSeq() == seq })
		}
		posted(3)
		if room.Unread() != 3 || room.Info().GetHeadSeq() != 3 {
			t.Errorf("%d unread of %v", room.Unread(), room.Info())
		}
		room.MarkRead(2)
		await(t, room, func(e *chatv1.Event) (bool, bool) { return true, e.GetRead().GetSeq() == 2 })
		if room.Unread() != 1 || room.ReadUpTo() != 2 {
			t.Errorf("%d unread after %d", room.Unread(), room.ReadUpTo())
		}
		for listed, err := range reader.ListRooms(t.Context()) {
			if err != nil || listed.Room.GetId() != "lobby" || listed.Read.GetUnread() != 1 {
				t.Errorf("listed %v, %v", listed, err)
			}
		}
		if _, err := room.Publish(t.Context(), "mine"); err != nil { // has read what is before it
			t.Fatal(err)
		}
		await(t, room, func(e *chatv1.Event) (bool, bool) { return true, room.ReadUpTo() == 4 })
		await(t, room, func(e *chatv1.Event) (bool, bool) { return true, room.Info().GetHeadSeq() == 4 })
		if room.Unread() != 0 {
			t.Errorf("%d unread", room.Unread())
		}
		if users, online := room.Roster(); online != 2 || len(users) != 2 {
			t.Errorf("roster %v of %d", users, online)
		}
	})
}

func TestChangesAreWaitedOut(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fakeServer) {
		tries := 0
		f.edit = func(r *chatv1.EditMessageRequest) error {
			switch tries++; {
			case r.GetSeq() == 2:
				return status.Error(codes.PermissionDenied, "not yours")
			case tries < 3:
				return status.Error(codes.Unavailable, "going away")
			}
			return nil
		}
		c := f.client(t)
		room := joinRoom(t, c, f.welcomed(t), 0)
		if _, err := room.Edit(t.Context(), 1, "x"); err != nil || tries != 3 {
			t.Errorf("%v after %d tries", err, tries)
		}
		tries = 0
		if _, err := room.Edit(t.Context(), 1, "x", client.IfRev(1)); status.Code(err) != codes.Unavailable || tries != 1 {
			t.Errorf("with a rev: %v after %d tries", err, tries)
		}
		tries = 0
		if _, err := room.Edit(t.Context(), 2, "x"); status.Code(err) != codes.PermissionDenied || tries != 1 {
			t.Errorf("refused: %v after %d tries", err, tries)
		}
		f.edit = func(*chatv1.EditMessageRequest) error { return status.Error(codes.Unavailable, "for ever") }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := room.Edit(ctx, 1, "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("at its deadline: %v", err)
		}
		if _, err := room.Edit(t.Context(), 1, "\xff"); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "UTF-8") {
			t.Errorf("not UTF-8: %v", err)
		}
		ended := make(chan error)
		go func() { _, err := room.Edit(t.Context(), 1, "x"); ended <- err }()
		time.Sleep(time.Second)
		c.Close()
		if err := <-ended; !errors.Is(err, client.ErrClosed) {
			t.Errorf("of a client that was closed: %v", err)
		}
	})
}

func TestBannedReader(t *testing.T) {
	overWires(t, func(t *testing.T, s *realServer, over string) {
		ctx := t.Context()
		owner, reader := s.client(t, over, nil), s.client(t, over, nil)
		if _, err := owner.CreateRoom(ctx, "lobby", ""); err != nil {
			t.Fatal(err)
		}
		room := join(t, reader, "lobby", client.FromNow())
		user, err := reader.Ready(ctx)
		if err != nil {
			t.Fatal(err)
		}
		ban := &chatv1.BanMemberRequest{Room: "lobby", UserId: user.GetId()}
		if _, err := owner.Members().BanMember(ctx, ban); err != nil {
			t.Fatal(err)
		}
		await(t, room, func(e *chatv1.Event) (bool, bool) { return true, e.GetMemberRemoved() != nil })
		if _, err := room.Next(ctx); !errors.Is(err, client.ErrShutOut) {
			t.Errorf("Next: %v", err)
		}
		if _, err := reader.Join(ctx, "lobby", client.FromNow()); status.Code(err) != codes.PermissionDenied {
			t.Errorf("Join: %v", err)
		}
	})
}

func TestDeletedRoom(t *testing.T) {
	overWires(t, func(t *testing.T, s *realServer, over string) {
		ctx := t.Context()
		owner, reader := s.client(t, over, nil), s.client(t, over, nil)
		if _, err := owner.CreateRoom(ctx, "den", ""); err != nil {
			t.Fatal(err)
		}
		room := join(t, reader, "den", client.FromNow())
		if _, err := owner.Rooms().DeleteRoom(ctx, &chatv1.DeleteRoomRequest{Room: "den"}); err != nil {
			t.Fatal(err)
		}
		for err := error(nil); !errors.Is(err, client.ErrDeleted); {
			if _, err = room.Next(ctx); err != nil && !errors.Is(err, client.ErrDeleted) {
				t.Fatalf("Next: %v", err)
			}
		}
		if _, err := reader.Join(ctx, "den", client.FromNow()); status.Code(err) != codes.NotFound {
			t.Errorf("Join: %v", err)
		}
		if _, err := reader.Publish(ctx, "den", "still here"); status.Code(err) != codes.FailedPrecondition {
			t.Errorf("Publish: %v", err)
		}
	})
}
