package chat_test

import (
	"bytes"
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/chat"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// recorded is an Eraser that takes its time.
type recorded struct {
	last  time.Time
	began []time.Time
	takes time.Duration
	err   error
}

func (r *recorded) LastErased() (time.Time, error) { return r.last, nil }

func (r *recorded) Erase(ctx context.Context, now time.Time, rest func(context.Context, time.Duration) error) error {
	r.began = append(r.began, now)
	if err := rest(ctx, r.takes); err != nil {
		return err
	}
	if r.err == nil {
		r.last = now
	}
	return r.err
}

// The disk is freed of what is gone so often that nothing is there for a day, whatever else happens.
func TestEraseSchedule(t *testing.T) {
	for name, c := range map[string]struct {
		eraser recorded
		after  time.Duration // of the last one
		want   []time.Duration
	}{
		"never before":  {want: []time.Duration{time.Minute, 8*time.Hour + time.Minute}},
		"not long ago":  {after: 7 * time.Hour, want: []time.Duration{time.Hour, 9 * time.Hour}},
		"long ago":      {after: 30 * day, want: []time.Duration{time.Minute, 8*time.Hour + time.Minute}},
		"it takes long": {eraser: recorded{takes: time.Hour}, want: []time.Duration{time.Minute, 8*time.Hour + time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			eraser := c.eraser
			lastErased := func(*state.Store) chat.Eraser {
				if c.after > 0 {
					eraser.last = time.Now().Add(-c.after)
				}
				return &eraser
			}
			keeping(t, config{eraser: lastErased}, func(k *kept) {
				began := time.Now()
				k.later(9*time.Hour + time.Minute)
				var got []time.Duration
				for _, at := range eraser.began {
					got = append(got, at.Sub(began))
				}
				if !slices.Equal(got, c.want) {
					k.t.Errorf("erased after %v, want %v", got, c.want)
				}
			})
		})
	}
}

// A day after a delete its body is in no file of a server that nobody looks after.
func TestErasedWithinADay(t *testing.T) {
	fs := vfs.NewMem()
	secret := []byte("Ksk7vNq2pXw9 was here")
	keeping(t, config{fs: fs, eraser: func(s *state.Store) chat.Eraser { return s }}, func(k *kept) {
		ana := k.always("ana")
		k.later(2 * time.Minute) // right after it was erased
		k.post(ana, "lobby", string(secret))
		k.post(ana, "den", string(secret))
		must(k.messages.DeleteMessage(ana, &chatv1.DeleteMessageRequest{Room: "lobby", Seq: 1}))(k.t)
		must(k.rooms.DeleteRoom(ana, &chatv1.DeleteRoomRequest{Room: "den"}))(k.t)
		if !inFiles(k.t, fs, secret) {
			k.t.Fatal("it is not even there before")
		}
		k.later(9 * time.Hour)
		if inFiles(k.t, fs, secret) {
			k.t.Error("it is still there")
		}
	})
}

func inFiles(t *testing.T, fs vfs.FS, text []byte) bool {
	t.Helper()
	names, err := fs.List("data")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		f, err := fs.Open(fs.PathJoin("data", name))
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(f)
		_ = f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, text) {
			return true
		}
	}
	return false
}
