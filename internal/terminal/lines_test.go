package terminal_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/server"
	"github.com/rialto-rpc/rialto/internal/terminal"
)

// startServer runs the whole server in this process until the test ends, and returns its address.
func startServer(t *testing.T) string {
	t.Helper()
	return serve(t).GRPC
}

// serve runs a whole server until the test ends.
func serve(t *testing.T) server.Addresses {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan server.Addresses, 1)
	ended := make(chan error, 1)
	config := server.Config{
		HTTP: "127.0.0.1:0", GRPC: "127.0.0.1:0", DataDir: t.TempDir(), Guests: true,
		MaxMessageBytes: 1 << 20, MaxRooms: 200, Heartbeat: 20 * time.Second,
		FirstFrameTimeout: 5 * time.Second, WriteTimeout: 20 * time.Second,
		OnReady: func(a server.Addresses) error { ready <- a; return nil },
	}
	go func() { ended <- server.Run(ctx, config) }() // ends with cancel, awaited by Cleanup
	select {
	case a := <-ready:
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("the server ended with %v", err)
			}
		})
		return a
	case err := <-ended:
		cancel()
		t.Fatalf("the server did not start: %v", err)
		return server.Addresses{}
	}
}

func connect(t *testing.T, address, name string, opts ...client.Option) *client.Client {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	return connectBy(t, conn, name, opts...)
}

// connectBy returns a client on a connection that it closes with the test.
func connectBy(t *testing.T, conn connection, name string, opts ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New(conn, append(opts, client.WithDisplayName(name))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); conn.Close() })
	return c
}

type connection interface {
	grpc.ClientConnInterface
	io.Closer
}

func nextEvent(t *testing.T, room *client.Room) *chatv1.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	event, err := room.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return event
}

func TestLinesArePostedAndPrinted(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	c := connect(t, startServer(t), "ana")
	err := terminal.RunLines(t.Context(), c, terminal.LineOptions{
		Room: "lobby", In: strings.NewReader("one\r\n\n   \ntwo\tcolumns\nno line feed"), Out: &out, Errors: &errs,
	})
	if err != nil || errs.Len() > 0 {
		t.Fatalf("%v, %q", err, errs.String())
	}
	times := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d `)
	if got := times.ReplaceAllString(out.String(), ""); got != "ana: one\nana: two columns\nana: no line feed\n" {
		t.Errorf("printed %q", out.String())
	}
	if n := len(times.FindAllString(out.String(), -1)); n != 3 {
		t.Errorf("%d times in %q", n, out.String())
	}

	// Later, the same is there as JSON, and nothing more is printed.
	var again bytes.Buffer
	err = terminal.RunLines(t.Context(), c, terminal.LineOptions{
		Room: "lobby", History: 2, JSON: true, In: strings.NewReader(""), Out: &again, Errors: &errs,
	})
	if err != nil {
		t.Fatal(err)
	}
	type object struct {
		Event, Room, Sender, Text string
		Seq, Rev                  uint64
		Time                      time.Time
	}
	decoder := json.NewDecoder(&again)
	for i, text := range []string{"two\tcolumns", "no line feed"} {
		var got object
		if err := decoder.Decode(&got); err != nil {
			t.Fatal(err)
		}
		seq := uint64(i + 2)
		if got.Time.IsZero() {
			t.Error("no time")
		}
		got.Time = time.Time{}
		if want := (object{"posted", "lobby", "ana", text, seq, seq, time.Time{}}); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if decoder.More() {
		t.Error("more was printed")
	}
}

func TestRefusedLinesAreReported(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	err := terminal.RunLines(t.Context(), connect(t, startServer(t), "ana"), terminal.LineOptions{
		Room: "lobby", In: strings.NewReader("good\nb\x1bad\n\xff\nstill good\n"), Out: &out, Errors: &errs,
	})
	if !errors.Is(err, terminal.ErrNotStored) {
		t.Errorf("RunLines: %v", err)
	}
	reports := strings.Split(strings.TrimSpace(errs.String()), "\n")
	slices.Sort(reports) // what is refused here is said before what the server refuses
	if len(reports) != 2 || !strings.HasPrefix(reports[0], "line 2 is not stored: ") || !strings.HasPrefix(reports[1], "line 3 is not stored: ") {
		t.Errorf("reported %q", reports)
	}
	if !strings.Contains(out.String(), "still good") || strings.Contains(out.String(), "ad\n") {
		t.Errorf("printed %q", out.String())
	}
}

// What stood before a line that cannot be read is stored all the same.
func TestALineThatCannotBeRead(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	input := "good\n\n" + strings.Repeat("x", 300<<10) + "\nnever read\n"
	err := terminal.RunLines(t.Context(), connect(t, startServer(t), "ana"), terminal.LineOptions{
		Room: "lobby", In: strings.NewReader(input), Out: &out, Errors: &errs,
	})
	if !errors.Is(err, terminal.ErrNotStored) || errs.String() != "line 3 is not stored: over 256 KiB; nor is anything behind it\n" {
		t.Errorf("RunLines: %v, reported %q", err, errs.String())
	}
	if !strings.HasSuffix(out.String(), "ana: good\n") || strings.Contains(out.String(), "never") {
		t.Errorf("printed %q", out.String())
	}
}

// A reader who is banned is told so.
func TestShutOutWhileFollowing(t *testing.T) {
	t.Parallel()
	address := startServer(t)
	owner, ana := connect(t, address, "owner"), connect(t, address, "ana")
	user, err := ana.Ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := owner.CreateRoom(t.Context(), "lobby", ""); err != nil {
		t.Fatal(err)
	}
	room, err := owner.Join(t.Context(), "lobby", client.FromNow())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- terminal.RunLines(t.Context(), ana, terminal.LineOptions{
			Room: "lobby", Follow: true, In: strings.NewReader(""), Out: io.Discard, Errors: io.Discard,
		})
	}()
	for joined := false; !joined; {
		joined = nextEvent(t, room).GetPresence().GetOnline() == 2
	}
	if _, err := owner.Members().BanMember(t.Context(), &chatv1.BanMemberRequest{Room: "lobby", UserId: user.GetId()}); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || err.Error() != "you may not see lobby any more" {
		t.Errorf("RunLines: %v", err)
	}
}

// lateEvents is a connection on which events come some time after the replies of the same message.
type lateEvents struct{ grpc.ClientConnInterface }

func (c lateEvents) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	stream, err := c.ClientConnInterface.NewStream(ctx, desc, method, opts...)
	return &lateStream{ClientStream: stream}, err
}

type lateStream struct {
	grpc.ClientStream
	late []*chatv1.Event
}

func (s *lateStream) RecvMsg(m any) error {
	response := m.(*chatv1.ConnectResponse)
	if s.late != nil {
		time.Sleep(20 * time.Millisecond) // long enough for whoever goes on without them
		response.Events, s.late = s.late, nil
		return nil
	}
	err := s.ClientStream.RecvMsg(m)
	if err == nil && len(response.GetEvents()) > 0 {
		response.Events, s.late = nil, response.GetEvents()
	}
	return err
}

// The history is printed also where there is nothing to post, and so nothing else to wait for.
func TestHistoryIsPrintedWithoutInput(t *testing.T) {
	t.Parallel()
	conn, err := grpc.NewClient(startServer(t), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	run := func(input string) string {
		c, err := client.New(lateEvents{conn}, client.WithDisplayName("ana"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var out bytes.Buffer
		if err := terminal.RunLines(t.Context(), c, terminal.LineOptions{
			Room: "lobby", History: 100, In: strings.NewReader(input), Out: &out, Errors: io.Discard,
		}); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if got := run(""); got != "" { // of a room that is not there yet
		t.Errorf("printed %q", got)
	}
	want := run("one\ntwo\n")
	if got := run(""); got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestFollowPrintsUntilInterrupted(t *testing.T) {
	t.Parallel()
	address := startServer(t)
	ctx, interrupt := context.WithCancel(t.Context())
	printed, out := io.Pipe()
	ended := make(chan error, 1)
	c := connect(t, address, "ana")
	go func() {
		ended <- terminal.RunLines(ctx, c, terminal.LineOptions{
			Room: "lobby", Follow: true, In: strings.NewReader("hello\n"), Out: out, Errors: io.Discard,
		})
	}()
	lines := bufio.NewScanner(printed)
	expect := func(want string) {
		t.Helper()
		if !lines.Scan() || !strings.HasSuffix(lines.Text(), want) {
			t.Errorf("printed %q, want %q", lines.Text(), want)
		}
	}
	expect("ana: hello")
	ben := connect(t, address, "ben")
	for _, text := range []string{"\u202ereversed", "forged\n12:00:00 ana: yes"} {
		if _, err := ben.Publish(t.Context(), "lobby", text); err != nil {
			t.Fatal(err)
		}
	}
	expect("ben: <U+202E>reversed")
	expect("ben: forged⏎12:00:00 ana: yes")
	interrupt()
	if err := <-ended; err != nil {
		t.Errorf("RunLines: %v", err)
	}
}

func TestInterruptedWhileThereIsMoreToSend(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	in, typist := io.Pipe()
	defer typist.Close() // lets the read of the input end
	printed, out := io.Pipe()
	ended := make(chan error, 1)
	c := connect(t, startServer(t), "ana")
	go func() {
		ended <- terminal.RunLines(ctx, c, terminal.LineOptions{Room: "lobby", In: in, Out: out, Errors: io.Discard})
	}()
	go io.WriteString(typist, "hello\n")
	if lines := bufio.NewScanner(printed); !lines.Scan() {
		t.Fatal("nothing printed")
	}
	interrupt()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("RunLines: %v", err)
	}
}

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	c := connect(t, "127.0.0.1:1", "ana") // nobody listens there
	err := terminal.RunLines(t.Context(), c, terminal.LineOptions{
		Room: "lobby", Patience: 100 * time.Millisecond, In: strings.NewReader(""), Out: io.Discard, Errors: io.Discard,
	})
	if err == nil || !strings.Contains(err.Error(), "no connection for 100ms") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("RunLines: %v", err)
	}
}

func TestOutputThatEnds(t *testing.T) {
	t.Parallel()
	printed, out := io.Pipe()
	printed.CloseWithError(errors.New("no reader"))
	in, typist := io.Pipe()
	defer typist.Close()
	go io.WriteString(typist, "hello\n")
	c := connect(t, startServer(t), "ana")
	err := terminal.RunLines(t.Context(), c, terminal.LineOptions{Room: "lobby", In: in, Out: out, Errors: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "no reader") {
		t.Errorf("RunLines: %v", err)
	}
}
