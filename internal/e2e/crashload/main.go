// Crashload publishes into one room from many identities while somebody else kills the server, and at the end says
// whether every acknowledged message is there exactly once. It is a part of web/e2e/crash.test.ts, which starts and
// kills the server and compares what browsers saw.
//
// It publishes until its standard input ends, repeats whatever has no answer under the same client_id until it has one,
// then reads the whole room and prints a [Report] as JSON. Exit code 1 and a text on standard error say what is wrong.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// Report is what crashload prints.
type Report struct {
	Acked    int       `json:"acked"`    // publishes that were acknowledged: all
	Retries  int       `json:"retries"`  // tries that had no answer
	Repeated int       `json:"repeated"` // acknowledgements that said duplicate: stored by a try that had no answer
	Messages []Message `json:"messages"` // the room at the end, by seq
}

// Message is what must be the same for every observer.
type Message struct {
	Seq      uint64 `json:"seq"`
	Sender   string `json:"sender"`
	ClientID string `json:"clientId"`
	Text     string `json:"text"`
}

func main() {
	addr := flag.String("grpc", "", "the server's gRPC address")
	room := flag.String("room", "crash", "the room")
	publishers := flag.Int("publishers", 50, "how many publish at once, each with an identity of its own")
	observers := flag.Int("observers", 3, "how many follow the room over native gRPC")
	every := flag.Duration("every", 150*time.Millisecond, "how long each waits between two messages")
	limit := flag.Duration("limit", 5*time.Minute, "the longest run, whatever standard input does")
	flag.Parse()

	ctx, cancel := context.WithTimeout(context.Background(), *limit)
	defer cancel()
	report, err := run(ctx, *addr, *room, *publishers, *observers, *every)
	if err != nil {
		fmt.Fprintln(os.Stderr, "crashload:", err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		os.Exit(1)
	}
}

func run(ctx context.Context, addr, room string, publishers, observers int, every time.Duration) (*Report, error) {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer conn.Close()

	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	watchers := make([]*observer, observers)
	for i := range watchers {
		if watchers[i], err = observe(watching, conn, room); err != nil {
			return nil, err
		}
	}

	stop := stdinEnds()
	all := make([]*publisher, publishers)
	var wg sync.WaitGroup
	for i := range all {
		all[i] = &publisher{conn: conn, room: room, name: fmt.Sprintf("publisher-%d", i), session: i%2 == 1}
		wg.Go(func() { all[i].run(ctx, stop, every) })
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, errors.New("did not finish in time")
	}

	messages, err := readAll(ctx, conn, room)
	if err != nil {
		return nil, err
	}
	var errs []error
	report := &Report{Messages: messages}
	for _, p := range all {
		report.Acked += len(p.acked)
		report.Retries += p.retries
		report.Repeated += p.repeated
		errs = append(errs, p.err)
	}
	errs = append(errs, check(messages, all))
	for i, w := range watchers {
		if err := w.compare(ctx, messages); err != nil {
			errs = append(errs, fmt.Errorf("observer %d: %w", i, err))
		}
	}
	return report, errors.Join(errs...)
}

// stdinEnds returns a channel that is closed when standard input ends. The goroutine lives as long as the process.
func stdinEnds() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	return done
}

// readAll pages through the whole room.
func readAll(ctx context.Context, conn *grpc.ClientConn, room string) ([]Message, error) {
	var all []Message
	client := chatv1.NewMessageServiceClient(conn)
	for after := uint64(0); ; {
		page, err := client.ListMessages(ctx, &chatv1.ListMessagesRequest{
			Room:     room,
			PageSize: 100,
			Position: &chatv1.ListMessagesRequest_AfterSeq{AfterSeq: after},
		}, grpc.WaitForReady(true))
		if err != nil {
			return nil, fmt.Errorf("list messages: %w", err)
		}
		for _, m := range page.GetMessages() {
			all = append(all, messageOf(m))
			after = m.GetSeq()
		}
		if after >= page.GetRoom().GetHeadSeq() {
			return all, nil
		}
	}
}

func messageOf(m *chatv1.Message) Message {
	return Message{Seq: m.GetSeq(), Sender: m.GetSender().GetId(), ClientID: m.GetClientId(), Text: m.GetText()}
}

// check compares the room with what was acknowledged: all of it once, at the acknowledged place, nothing else, without
// a gap, and each publisher's messages in the order in which it sent them.
func check(messages []Message, publishers []*publisher) error {
	type id struct{ sender, clientID string }
	seqs := make(map[id]uint64, len(messages))
	for i, m := range messages {
		if m.Seq != uint64(i)+1 {
			return fmt.Errorf("message %d of the room has seq %d", i+1, m.Seq)
		}
		key := id{m.Sender, m.ClientID}
		if first, ok := seqs[key]; ok {
			return fmt.Errorf("%v is there twice: seq %d and %d", key, first, m.Seq)
		}
		seqs[key] = m.Seq
	}
	acked := 0
	for _, p := range publishers {
		last := uint64(0)
		for _, a := range p.acked {
			seq, ok := seqs[id{p.user, a.clientID}]
			switch {
			case !ok:
				return fmt.Errorf("%s of %s was acknowledged as seq %d and is lost", a.clientID, p.name, a.seq)
			case seq != a.seq:
				return fmt.Errorf("%s of %s was acknowledged as seq %d and is at %d", a.clientID, p.name, a.seq, seq)
			case seq <= last:
				return fmt.Errorf("%s of %s was reordered", a.clientID, p.name)
			}
			last = seq
			acked++
		}
	}
	if acked != len(messages) {
		return fmt.Errorf("%d messages are there, %d were acknowledged", len(messages), acked)
	}
	return nil
}
