package terminal

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// quickReactions are a key each, 1 to 6, while a message is chosen.
var quickReactions = []string{"👍", "❤️", "😂", "🎉", "👀", "✅"}

// choose selects a message, to do something with it.
func (m *model) choose(seq uint64) {
	m.mode, m.chosen, m.doomed = choosing, seq, false
	m.layout.show(seq)
	m.relayout()
}

// chosenMessage is the message that is chosen; nil if there is none, or it is not held any more.
func (m *model) chosenMessage() *chatv1.Message {
	if m.mode != choosing {
		return nil
	}
	return m.timeline.get(m.chosen)
}

// pressChoosing takes a key while a message is chosen.
func (m *model) pressChoosing(key tea.KeyPressMsg) tea.Cmd {
	message := m.chosenMessage()
	name := key.String()
	doomed := m.doomed
	m.doomed = false
	switch {
	case message == nil, name == "esc":
		m.write()
		return nil
	case name == "up" || name == "k":
		return m.chooseNext(-1)
	case name == "down" || name == "j":
		return m.chooseNext(1)
	case name == "r" || name == "enter":
		if message.GetDeleteTime() == nil {
			m.reply(message)
		}
	case name == "e":
		m.editChosen(message)
	case name == "d":
		return m.deleteChosen(message, doomed)
	case name == "+":
		m.askForEmoji(message)
	case name == "c":
		m.write()
		m.say("copied")
		return tea.SetClipboard(message.GetText())
	case len(name) == 1 && name >= "1" && int(name[0]-'1') < len(quickReactions):
		return m.react(message, quickReactions[name[0]-'1'])
	}
	return nil
}

// chooseNext moves the choice by one message; beyond the newest is the input, before the oldest held a page of older ones.
func (m *model) chooseNext(step int) tea.Cmd {
	i, _ := m.timeline.find(m.chosen)
	switch i += step; {
	case i < 0:
		return m.fetchPage()
	case i >= len(m.timeline.messages):
		m.write()
		m.layout.follow()
		m.markRead()
		return nil
	}
	m.choose(m.timeline.messages[i].GetSeq())
	if i == 0 {
		return m.fetchPage()
	}
	return nil
}

func (m *model) isOwn(message *chatv1.Message) bool {
	return message.GetSender().GetId() == m.chat.User().GetId()
}

func (m *model) editChosen(message *chatv1.Message) {
	switch {
	case !m.isOwn(message):
		m.say("only one's own messages can be edited")
	case message.GetText() == "":
		m.say("only text can be edited")
	default:
		m.edit(message)
	}
}

// deleteChosen deletes a message when it is asked for twice: it is gone for good. The server knows who may.
func (m *model) deleteChosen(message *chatv1.Message, again bool) tea.Cmd {
	if message.GetDeleteTime() != nil {
		return nil
	}
	if !again {
		m.doomed = true
		m.say("d once more deletes it for everybody")
		return nil
	}
	m.write()
	m.dropNotice()
	ctx, room, seq := m.ctx, m.room, message.GetSeq()
	return func() tea.Msg { return changedMsg{room, "not deleted: ", room.Delete(ctx, seq)} }
}

// react adds a reaction of one's own, or takes it back.
func (m *model) react(message *chatv1.Message, emoji string) tea.Cmd {
	own := m.chat.User().GetId()
	ctx, room, seq := m.ctx, m.room, message.GetSeq()
	there := slices.ContainsFunc(message.GetReactions(), func(r *chatv1.Reaction) bool {
		return r.GetEmoji() == emoji && slices.Contains(r.GetUserIds(), own)
	})
	return func() tea.Msg {
		var err error
		if there {
			_, err = room.Unreact(ctx, seq, emoji)
		} else {
			_, err = room.React(ctx, seq, emoji)
		}
		return changedMsg{room, "no reaction: ", err}
	}
}

// choosingKeys says which keys there are for the chosen message.
func (m *model) choosingKeys(message *chatv1.Message) []string {
	if message.GetDeleteTime() != nil {
		return []string{"↑↓ another"}
	}
	keys := []string{"r reply"}
	if m.isOwn(message) {
		keys = append(keys, "e edit", "d delete")
	}
	var reactions []string
	for i, emoji := range quickReactions {
		reactions = append(reactions, count(i+1)+emoji)
	}
	return append(keys, strings.Join(reactions, " "), "+ other", "c copy")
}
