package terminal_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rialto-rpc/rialto/bridge"
	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/terminal"
)

// openTerminal makes a terminal (pty(7)): what a person sees and types at, and the end that a program has.
func openTerminal(t *testing.T, columns, rows uint16) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	fd := int(person.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns})
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

// output is what a program has written to its terminal.
type output struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{} // closed and replaced with each write
	closed  chan struct{} // by whoever writes, at the end
}

func newOutput() *output { return &output{changed: make(chan struct{}), closed: make(chan struct{})} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	close(o.changed)
	o.changed = make(chan struct{})
	return len(p), nil
}

// wait returns when something has been written.
func (o *output) wait(t *testing.T, what string) {
	t.Helper()
	for timeout := time.After(10 * time.Second); ; {
		o.mu.Lock()
		there, changed := strings.Contains(o.text.String(), what), o.changed
		o.mu.Unlock()
		if there {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("the screen never showed %q", what)
		}
	}
}

// terminalOf is a person at a terminal who runs the chat.
type terminalOf struct {
	*output
	keyboard io.Writer
	quit     func()
}

// atTerminal runs the chat for somebody.
func atTerminal(t *testing.T, c *client.Client, room string) *terminalOf {
	t.Helper()
	person, tty := openTerminal(t, 100, 28)
	screen, ended := newOutput(), make(chan error, 1)
	go func() { // ends with the terminal, after RunScreen
		io.Copy(screen, person)
		close(screen.closed)
	}()
	go func() { // ends with Ctrl+C, awaited by quit
		ended <- terminal.RunScreen(t.Context(), c, terminal.ScreenOptions{Room: room, History: 50, In: tty, Out: tty})
	}()
	return &terminalOf{output: screen, keyboard: person, quit: func() {
		io.WriteString(person, "\x03")
		if err := <-ended; err != nil {
			t.Errorf("RunScreen: %v", err)
		}
		tty.Close()
		<-screen.closed
	}}
}

// types types. What is waited for from then on is what has been written since.
func (o *terminalOf) types(text string) {
	o.mu.Lock()
	o.text.Reset()
	o.mu.Unlock()
	io.WriteString(o.keyboard, text)
}

// People meet: one is invited, comes in, is mentioned while elsewhere, goes there, and is banned. Each sees what concerns them by
// the server's feed.
func TestScreenFollowsTheFeed(t *testing.T) {
	t.Parallel()
	addresses := serve(t)
	owner, ana := connect(t, addresses.GRPC, "owner"), connect(t, addresses.GRPC, "ana")
	user, err := ana.Ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	created, err := owner.Rooms().CreateRoom(t.Context(), &chatv1.CreateRoomRequest{Title: "The den", Kind: chatv1.RoomKind_ROOM_KIND_PRIVATE})
	if err != nil {
		t.Fatal(err)
	}
	den := created.GetRoom().GetId()

	if _, err := owner.Publish(t.Context(), "lobby", "good morning"); err != nil {
		t.Fatal(err)
	}

	screen := atTerminal(t, ana, "lobby")
	screen.wait(t, "good morning")
	host := atTerminal(t, owner, den)
	host.wait(t, "owner")
	host.types("/invite " + user.GetId() + "\r")
	screen.wait(t, "invites you to The den") // (of a line that changes only what is different is written)
	screen.types("/accept\r")
	screen.wait(t, "member of The den")
	screen.wait(t, "private")   // it is there
	screen.types("\x0blobby\r") // Ctrl+K
	screen.wait(t, "good morning")
	if _, err := owner.Publish(t.Context(), den, "come back", client.Mentions{user.GetId()}); err != nil {
		t.Fatal(err)
	}
	screen.wait(t, "mentioned")
	screen.types("\x0e") // Ctrl+N
	screen.wait(t, "come back")
	host.types("/ban " + user.GetId() + " 1h enough\r")
	screen.wait(t, "not see")
	host.types("/audit\r")
	host.wait(t, "enough")
	screen.quit()
	host.quit()
}

// All that can be done with a message, by its keys, over both transports; somebody else sees it happen.
func TestScreenChangesMessages(t *testing.T) {
	t.Parallel()
	for _, over := range []string{"grpc", "bridge"} {
		t.Run(over, func(t *testing.T) {
			t.Parallel()
			addresses := serve(t)
			ben := connect(t, addresses.GRPC, "ben")
			ana := connect(t, addresses.GRPC, "ana")
			if over == "bridge" {
				conn, err := bridge.Dial("ws://" + addresses.HTTP)
				if err != nil {
					t.Fatal(err)
				}
				ana = connectBy(t, conn, "ana")
			}
			room, err := ben.Join(t.Context(), "lobby", client.FromNow())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := room.Publish(t.Context(), "good morning"); err != nil {
				t.Fatal(err)
			}
			screen := atTerminal(t, ana, "lobby")
			expect := func(want func(*chatv1.Event) bool) {
				t.Helper()
				for !want(nextEvent(t, room)) {
				}
			}
			const up = "\x1b[A"
			screen.wait(t, "good morning")
			screen.types(up + "1")
			expect(func(e *chatv1.Event) bool { return len(e.GetReacted().GetReactions()) == 1 })
			screen.types("ryou too\r")
			expect(func(e *chatv1.Event) bool {
				return e.GetPosted().GetReplyTo() == 1 && e.GetPosted().GetText() == "you too"
			})
			screen.wait(t, "1 reply")
			screen.types(up + "e indeed\r")
			expect(func(e *chatv1.Event) bool { return e.GetEdited().GetText() == "you too indeed" })
			screen.wait(t, "(edited)")
			screen.types(up + "dd")
			expect(func(e *chatv1.Event) bool { return e.GetDeleted().GetSeq() == 2 })
			screen.quit()
		})
	}
}
