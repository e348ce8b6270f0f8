package terminal

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/rialto-rpc/rialto/client"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// composing is what Enter does with the text beside posting it: at most one of these is set.
type composing struct {
	replyTo  uint64 // answer this message
	edits    uint64 // replace this message's text
	reactsTo uint64 // react to this message
	kept     string // what was in the input before that began; a reply goes on with it
}

func (c composing) subject() uint64 { return max(c.replyTo, c.edits, c.reactsTo) }

// reply begins an answer to a message.
func (m *model) reply(to *chatv1.Message) {
	m.dropComposing()
	m.composing.replyTo = to.GetSeq()
	m.write()
}

// edit puts a message of one's own into the input.
func (m *model) edit(message *chatv1.Message) {
	m.dropComposing()
	m.composing = composing{edits: message.GetSeq(), kept: m.input.Value()}
	m.input.SetValue(message.GetText())
	m.input.MoveToEnd()
	m.write()
}

// askForEmoji has the next line be a reaction.
func (m *model) askForEmoji(message *chatv1.Message) {
	m.dropComposing()
	m.composing = composing{reactsTo: message.GetSeq(), kept: m.input.Value()}
	m.input.Reset()
	m.write()
}

// dropComposing ends a reply, an edit or a reaction without sending it; false if there was none.
func (m *model) dropComposing() bool {
	if m.composing.subject() == 0 {
		return false
	}
	if m.composing.replyTo == 0 {
		m.input.SetValue(m.composing.kept)
		m.input.MoveToEnd()
	}
	m.composing = composing{}
	m.relayout()
	return true
}

// putDraftAside keeps what is being written here until this room is come back to.
func (m *model) putDraftAside() {
	m.dropComposing()
	if text := m.input.Value(); m.room != nil && text != "" {
		m.drafts[m.room.ID()] = text
		m.input.Reset()
	}
}

// takeUpDraft goes on with what was being written here, unless something else has been begun.
func (m *model) takeUpDraft() {
	if m.room == nil || m.input.Value() != "" {
		return
	}
	m.input.SetValue(m.drafts[m.room.ID()])
	m.input.MoveToEnd()
	delete(m.drafts, m.room.ID())
}

// banner says what Enter will do, if that is not simply to post.
func (m *model) banner() string {
	subject := m.composing.subject()
	if subject == 0 {
		return ""
	}
	const drop = "  Esc drops it"
	what := "  editing"
	switch {
	case m.composing.replyTo > 0:
		what = "  replying to " + m.timeline.quote(subject)
	case m.composing.reactsTo > 0:
		what = "  an emoji for " + m.timeline.quote(subject)
	}
	what = ansi.Truncate(what, max(m.layout.width-len(drop), 1), "…")
	return m.layout.style.strong.Render(what) + m.layout.style.faint.Render(drop)
}

// submit sends the text as what it was written for.
func (m *model) submit(text string) tea.Cmd {
	c := m.composing
	m.composing = composing{}
	if c.subject() > 0 && c.replyTo == 0 {
		m.input.SetValue(c.kept)
		m.input.MoveToEnd()
	}
	switch {
	case c.edits > 0:
		return m.saveEdit(c.edits, text)
	case c.reactsTo > 0:
		return m.reactTo(c.reactsTo, text)
	}
	m.newAfter = 0
	p := &pending{clientID: client.NewClientID(), text: text, time: m.now, replyTo: c.replyTo}
	m.timeline.pending = append(m.timeline.pending, p)
	return m.post(p)
}

func (m *model) post(p *pending) tea.Cmd {
	m.outbox = append(m.outbox, &outgoing{
		room: m.room.ID(), text: p.text, clientID: p.clientID, replyTo: p.replyTo, mentions: m.mentioned(p.text),
	})
	return m.handOver()
}

func (m *model) saveEdit(seq uint64, text string) tea.Cmd {
	ctx, room, mentions := m.ctx, m.room, m.mentioned(text)
	return func() tea.Msg {
		_, err := room.Edit(ctx, seq, text, client.Mentions(mentions))
		return changedMsg{room, "not edited: ", err}
	}
}

// maxMentions is how many people a message can be about, says rialto.chat.v1.Publish.
const maxMentions = 50

// mentioned finds the people in the room whose names stand in the text after an @.
func (m *model) mentioned(text string) []string {
	if !strings.Contains(text, "@") {
		return nil
	}
	var ids []string
	for _, user := range m.people() {
		if hasMention(text, user.GetDisplayName()) && !slices.Contains(ids, user.GetId()) && len(ids) < maxMentions {
			ids = append(ids, user.GetId())
		}
	}
	return ids
}

// hasMention reports whether @name stands in text as a whole word.
func hasMention(text, name string) bool {
	for rest := text; name != ""; {
		_, after, found := strings.Cut(rest, "@"+name)
		if !found {
			return false
		}
		if !continuesWord(after) {
			return true
		}
		rest = after
	}
	return false
}

func continuesWord(after string) bool {
	r, _ := utf8.DecodeRuneInString(after)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}
