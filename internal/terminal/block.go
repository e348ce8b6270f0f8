package terminal

import (
	"context"

	tea "charm.land/bubbletea/v2"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// blockedMsg brings whom this user has blocked, by id. What these people write is not shown.
type blockedMsg []string

// fetchBlocked asks for it. What could not be had is asked for with the next connection.
func (m *model) fetchBlocked() tea.Cmd {
	ctx, service := m.ctx, m.memberService()
	return func() tea.Msg {
		response, err := service.ListBlockedUsers(ctx, &chatv1.ListBlockedUsersRequest{})
		if err != nil {
			return nil
		}
		return blockedMsg(response.GetUserIds())
	}
}

func (m *model) tookBlocked(ids blockedMsg) {
	clear(m.blocked)
	for _, id := range ids {
		m.blocked[id] = true
	}
	m.relayout()
}

func (m *model) block(argument string) tea.Cmd {
	return m.setBlocked("block", argument, " is blocked", true, func(ctx context.Context, a about) error {
		_, err := a.service.BlockUser(ctx, &chatv1.BlockUserRequest{UserId: a.user.GetId()})
		return err
	})
}

func (m *model) unblock(argument string) tea.Cmd {
	return m.setBlocked("unblock", argument, " is not blocked any more", false, func(ctx context.Context, a about) error {
		_, err := a.service.UnblockUser(ctx, &chatv1.UnblockUserRequest{UserId: a.user.GetId()})
		return err
	})
}

func (m *model) setBlocked(command, argument, said string, blocked bool, call func(context.Context, about) error) tea.Cmd {
	a, ok := m.aboutSomebody(argument)
	if !ok {
		return nil
	}
	return m.do(command, func(ctx context.Context) (doneMsg, error) {
		return doneMsg{said: a.name() + said, next: func(m *model) tea.Cmd {
			m.blocked[a.user.GetId()] = blocked
			m.relayout()
			return nil
		}}, call(ctx, a)
	})
}
