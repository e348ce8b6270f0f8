package chat

import (
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/auth"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// publication is a message on its way to the sequencer.
type publication struct {
	cmd    command
	room   string
	record state.Record
}

// publish queues a message behind those that the session published before. What waits is bounded by the admission of
// commands.
func (s *session) publish(cmd command, p *chatv1.Publish) {
	e := s.service.engine
	record, err := e.publishRecord(s.author(), publishPaths, p)
	if err == nil {
		err = s.admitPublish(state.RoomID(p.GetRoom()))
	}
	if err != nil {
		s.answer(cmd, nil, err)
		return
	}
	cmd = s.awaitOutcome(cmd)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publishes = append(s.publishes, publication{cmd: cmd, room: p.GetRoom(), record: record})
	if !s.appending {
		s.appending = true
		s.service.running.Add(1)
		go s.appendPublishes() // ends when nothing waits, or with the stream
	}
}

// admitPublish admits a message, which makes its room if that does not exist.
func (s *session) admitPublish(room state.RoomID) (err error) {
	e, from := s.service.engine, auth.Network(s.address)
	if err := e.meter.write(from, s.actor.ID); err != nil {
		return err
	}
	wait, known := e.meter.roomWait(room), room.Reserved() || e.meter.made.has(room)
	if wait == 0 && known {
		return nil
	}
	aside(func() {
		if err = e.admitIn(wait, s.actor.ID, room); err == nil && !known {
			err = e.admitRoom(from, s.actor.ID, room)
		}
	})
	return err
}

// appendPublishes appends what waits, all at once, until nothing does: one goroutine keeps the order, and reading goes on
// meanwhile.
func (s *session) appendPublishes() {
	defer s.service.running.Done()
	defer s.contain("append publishes", s.ended)
	for {
		s.mu.Lock()
		batch := s.publishes
		s.publishes = nil
		if len(batch) == 0 {
			s.appending = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		s.appendBatch(batch)
	}
}

func (s *session) appendBatch(batch []publication) {
	records := make([]state.Record, len(batch))
	for i, p := range batch {
		records[i] = p.record
	}
	results, err := s.service.engine.appendAll(s.ctx, records...)
	if err != nil {
		for _, p := range batch {
			s.answer(p.cmd, nil, err)
		}
		return
	}
	replies := make([]*chatv1.Reply, len(batch))
	for i, p := range batch {
		s.service.engine.account(state.RoomID(p.room), results[i])
		replies[i] = reply(p.cmd, publishReply(p.room, results[i]), s.service.engine.verdict(results[i]))
	}
	s.answerPublishes(batch, replies)
}

// answerPublishes has the replies sent at once, and with them the session's own messages, which rooms show by now.
func (s *session) answerPublishes(batch []publication, replies []*chatv1.Reply) {
	unanswered := 0
	s.mu.Lock()
	for i, p := range batch {
		unanswered += s.answerLocked(p.cmd, replies[i])
		if c := s.rooms.in(state.RoomID(p.room)); c != nil {
			s.queueLocked(c)
			s.kickLocked()
		}
	}
	notify(s.changed)
	s.mu.Unlock()
	s.release(unanswered)
}

func publishReply(room string, r state.Result) *chatv1.Reply {
	return &chatv1.Reply{Result: &chatv1.Reply_Publish{Publish: &chatv1.PublishResult{
		Room:      room,
		Seq:       r.Seq,
		Rev:       r.Rev,
		Time:      timeProto(r.Time),
		Duplicate: r.Duplicate,
	}}}
}
