package terminal

import (
	"time"

	tea "charm.land/bubbletea/v2"
)

// awaitTick moves the clock on. tea.Tick would go on waiting after the end of the program.
func (m *model) awaitTick() tea.Cmd {
	ctx := m.ctx
	return func() tea.Msg {
		timer := time.NewTimer(time.Second)
		defer timer.Stop()
		select {
		case now := <-timer.C:
			return tickMsg(now)
		case <-ctx.Done():
			return nil
		}
	}
}

func (m *model) awaitState() tea.Cmd {
	ctx, states := m.ctx, m.states
	return func() tea.Msg {
		select {
		case state := <-states:
			return stateMsg(state)
		case <-ctx.Done():
			return nil
		}
	}
}

func (m *model) awaitFeed() tea.Cmd {
	ctx, feeds := m.ctx, m.feeds
	return func() tea.Msg {
		select {
		case feed := <-feeds:
			return feedMsg(feed)
		case <-ctx.Done():
			return nil
		}
	}
}

func (m *model) join(id string) tea.Cmd {
	ctx, chat, history := m.ctx, m.chat, m.options.History
	return func() tea.Msg {
		room, err := chat.Join(ctx, id, history)
		return joinedMsg{id, room, err}
	}
}

func (m *model) awaitEvent() tea.Cmd {
	ctx, room := m.ctx, m.room
	return func() tea.Msg {
		event, err := room.Next(ctx)
		return eventMsg{room, event, err}
	}
}

// fetchPage asks for the page before what is held, unless there is none or it is on its way.
func (m *model) fetchPage() tea.Cmd {
	if m.room == nil || m.paging || m.atStart {
		return nil
	}
	first := m.timeline.first()
	if first <= m.firstSeq() {
		m.atStart = true
		m.relayout()
		return nil
	}
	m.paging = true
	ctx, room := m.ctx, m.room
	return func() tea.Msg {
		messages, err := room.History(ctx, first, pageSize)
		return pageMsg{room, messages, err}
	}
}

// page takes a page of older messages in; a search that waits for it goes on.
func (m *model) page(msg pageMsg) tea.Cmd {
	if msg.room != m.room {
		return nil
	}
	m.paging = false
	if msg.err != nil {
		m.search.older = false
		m.say("no older messages: " + reason(msg.err))
		return nil
	}
	m.timeline.prepend(msg.messages)
	m.atStart = m.timeline.first() <= m.firstSeq()
	m.relayout()
	if m.mode == finding && m.search.older {
		return m.findOlder()
	}
	return nil
}

// changed says what became of a change to a message, if it was refused; otherwise an event shows it.
func (m *model) changed(msg changedMsg) {
	if msg.err != nil && m.ctx.Err() == nil {
		m.say(msg.what + reason(msg.err))
	}
}

// handOver gives the client the next message. One at a time, so that they keep their order.
func (m *model) handOver() tea.Cmd {
	if m.sending || len(m.outbox) == 0 {
		return nil
	}
	m.sending = true
	ctx, chat, next := m.ctx, m.chat, m.outbox[0]
	m.outbox = m.outbox[1:]
	return func() tea.Msg {
		publication, err := chat.PublishAsync(ctx, next)
		return handedOverMsg{next, publication, err}
	}
}

func (m *model) handedOver(msg handedOverMsg) tea.Cmd {
	m.sending = false
	if msg.err != nil {
		m.outcome(outcomeMsg{clientID: msg.outgoing.clientID, err: msg.err})
		return m.handOver()
	}
	ctx, clientID := m.ctx, msg.outgoing.clientID
	wait := func() tea.Msg {
		result, err := msg.publication.Wait(ctx)
		return outcomeMsg{clientID, result, err}
	}
	return tea.Batch(wait, m.handOver())
}

// outcome marks a message of one's own. Stored, it stays until its event brings it.
func (m *model) outcome(msg outcomeMsg) {
	delete(m.behind, msg.clientID)
	p := m.timeline.findPending(msg.clientID)
	switch {
	case p == nil:
		if msg.err != nil {
			m.say("a message in another room was not sent: " + reason(msg.err))
		}
		return
	case msg.err != nil:
		p.failure = reason(msg.err)
	case msg.result.GetSeq() <= m.timeline.last():
		m.timeline.remove(p) // a repetition of one that was there already
	default:
		p.seq = msg.result.GetSeq()
	}
	m.relayout()
}
