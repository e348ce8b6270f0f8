package terminal

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
)

// maxListed is how many entries of a list are fetched.
const maxListed = 500

// panel is a list that is shown in place of the conversation.
type panel struct {
	title string
	lines []string
}

// showList shows a list; of an empty one only the title.
func (m *model) showList(title string, lines []string) {
	if len(lines) == 0 {
		m.say(title + ": none")
		return
	}
	m.mode, m.panelTop, m.panel = listing, 0, panel{title, lines}
	m.relayout()
}

// panelLines are the lines of the list.
func (m *model) panelLines() []string {
	lines := []string{m.layout.style.strong.Render("  " + CleanLine(m.panel.title)), ""}
	for _, line := range m.panel.lines {
		lines = append(lines, "  "+CleanLine(line))
	}
	return lines
}

// fetchList fetches the first entries of a list; it is shown in the words that text has for an entry.
func fetchList[Entry any](m *model, command, title string, list func(context.Context) iter.Seq2[Entry, error],
	user func(Entry) *chatv1.User, text func(*model, Entry) string) tea.Cmd {
	return m.do(command, func(ctx context.Context) (doneMsg, error) {
		var entries []Entry
		var users []*chatv1.User
		for entry, err := range list(ctx) {
			if err != nil {
				return doneMsg{}, err
			}
			entries, users = append(entries, entry), append(users, user(entry))
			if len(entries) == maxListed {
				title += fmt.Sprintf(", the first %d", maxListed)
				break
			}
		}
		return doneMsg{said: title, users: users, listed: func(m *model) (lines []string) {
			for _, entry := range entries {
				lines = append(lines, text(m, entry))
			}
			return lines
		}}, nil
	})
}

func (m *model) listMembers(string) tea.Cmd {
	room, ok := m.inRoom()
	if !ok {
		return nil
	}
	chat := m.chat
	members := func(ctx context.Context) iter.Seq2[*chatv1.Member, error] { return chat.ListMembers(ctx, room) }
	return fetchList(m, "members", "Members of "+m.called(room), members, (*chatv1.Member).GetUser,
		func(m *model, member *chatv1.Member) string {
			return column(m.nameWithMark(member.GetUser()), 24) + pad(memberText(member), 24) + idArgument(member.GetUser().GetId())
		})
}

// memberText says what a member is.
func memberText(member *chatv1.Member) string {
	text := roleName(member.GetRole())
	if muted(member) {
		text += ", muted"
	}
	return text
}

func (m *model) listRequests() tea.Cmd {
	room, ok := m.inRoom()
	if !ok {
		return nil
	}
	chat := m.chat
	requests := func(ctx context.Context) iter.Seq2[*chatv1.MembershipRequest, error] {
		return chat.ListMembershipRequests(ctx, room)
	}
	return fetchList(m, "requests", "Who asks to be let into "+m.called(room)+" (/admit, /reject)", requests, (*chatv1.MembershipRequest).GetUser,
		func(m *model, r *chatv1.MembershipRequest) string {
			return pad(m.at(r.GetCreateTime()), 14) + column(m.nameWithMark(r.GetUser()), 24) + r.GetNote()
		})
}

func (m *model) listBans(string) tea.Cmd {
	room, ok := m.inRoom()
	if !ok {
		return nil
	}
	chat := m.chat
	bans := func(ctx context.Context) iter.Seq2[*chatv1.Ban, error] { return chat.ListBans(ctx, room) }
	return fetchList(m, "bans", "Banned from "+m.called(room), bans, (*chatv1.Ban).GetUser,
		func(m *model, b *chatv1.Ban) string {
			text := pad(m.at(b.GetCreateTime()), 14) + column(m.nameWithMark(b.GetUser()), 24) + "by " + m.nameWithMark(b.GetBannedBy())
			return text + m.until(b.GetEndTime()) + because(b.GetReason())
		})
}

func (m *model) listAudit(string) tea.Cmd {
	room, ok := m.inRoom()
	if !ok {
		return nil
	}
	chat := m.chat
	audit := func(ctx context.Context) iter.Seq2[*chatv1.AuditEntry, error] {
		return chat.ListAuditEntries(ctx, room)
	}
	return fetchList(m, "audit", "What was done in "+m.called(room)+" by moderators and owners", audit, (*chatv1.AuditEntry).GetActor,
		func(m *model, e *chatv1.AuditEntry) string {
			return pad(m.at(e.GetTime()), 14) + m.nameWithMark(e.GetActor()) + " " + m.auditText(e)
		})
}

// auditText says what was done.
func (m *model) auditText(e *chatv1.AuditEntry) string {
	whom := m.nameOf(e.GetUserId())
	switch e.GetAction() {
	case chatv1.AuditAction_AUDIT_ACTION_MEMBER_REMOVED:
		return "removed " + whom
	case chatv1.AuditAction_AUDIT_ACTION_BANNED:
		return "banned " + whom + m.until(e.GetEndTime()) + because(e.GetText())
	case chatv1.AuditAction_AUDIT_ACTION_UNBANNED:
		return "lifted the ban of " + whom
	case chatv1.AuditAction_AUDIT_ACTION_MUTED:
		return "muted " + whom + m.until(e.GetEndTime())
	case chatv1.AuditAction_AUDIT_ACTION_UNMUTED:
		return "let " + whom + " post again"
	case chatv1.AuditAction_AUDIT_ACTION_ROLE_CHANGED:
		return "made " + whom + " " + roleName(e.GetRole())
	case chatv1.AuditAction_AUDIT_ACTION_ROOM_CHANGED:
		return "changed the room's settings"
	case chatv1.AuditAction_AUDIT_ACTION_MESSAGE_DELETED:
		return "deleted message " + strconv.FormatUint(e.GetSeq(), 10) + " of " + whom
	case chatv1.AuditAction_AUDIT_ACTION_LINK_CREATED:
		return "made the link " + e.GetText()
	case chatv1.AuditAction_AUDIT_ACTION_LINK_REMOVED:
		return "ended the link " + e.GetText()
	case chatv1.AuditAction_AUDIT_ACTION_REQUEST_ACCEPTED:
		return "let " + whom + " in"
	case chatv1.AuditAction_AUDIT_ACTION_REQUEST_DECLINED:
		return "did not let " + whom + " in"
	default:
		return "did something that this version does not know"
	}
}

func (m *model) listBlocked(string) tea.Cmd {
	service := m.memberService()
	return m.do("blocked", func(ctx context.Context) (doneMsg, error) {
		response, err := service.ListBlockedUsers(ctx, &chatv1.ListBlockedUsersRequest{})
		return doneMsg{said: "Blocked", listed: func(m *model) (lines []string) {
			for _, id := range response.GetUserIds() {
				lines = append(lines, column(m.nameOf(id), 24)+idArgument(id))
			}
			return lines
		}}, err
	})
}

func (m *model) listLinks(string) tea.Cmd {
	room, ok := m.inRoom()
	if !ok {
		return nil
	}
	service, title := m.memberService(), "Links into "+m.called(room)
	return m.do("links", func(ctx context.Context) (doneMsg, error) {
		response, err := service.ListLinks(ctx, &chatv1.ListLinksRequest{Room: room})
		return doneMsg{said: title, listed: func(m *model) (lines []string) {
			for _, l := range response.GetLinks() {
				uses := count(int(l.GetUses())) + " uses"
				if most := l.GetMaxUses(); most > 0 {
					uses = count(int(l.GetUses())) + " of " + count(int(most)) + " uses"
				}
				lines = append(lines, pad(l.GetId(), 34)+pad(uses, 16)+roleName(l.GetRole())+", by "+m.nameWithMark(l.GetCreator())+m.until(l.GetEndTime()))
			}
			return lines
		}}, err
	})
}

func (m *model) createLink(argument string) tea.Cmd {
	room, ok := m.inRoom()
	if !ok {
		return nil
	}
	request := &chatv1.CreateLinkRequest{Room: room}
	for word := range strings.FieldsSeq(argument) {
		if uses, err := strconv.ParseUint(word, 10, 31); err == nil {
			request.MaxUses = uint32(uses)
		} else if d, ok := parseTime(word); ok {
			request.Duration = durationpb.New(d)
		} else {
			m.say("/link takes how many may use it and for how long, such as 5 2d")
			return nil
		}
	}
	service, label := m.memberService(), m.called(room)
	return m.do("link", func(ctx context.Context) (doneMsg, error) {
		response, err := service.CreateLink(ctx, request)
		text := "whoever types this becomes a member of " + label + ": /use " + response.GetToken()
		return doneMsg{next: func(m *model) tea.Cmd { m.show(text); return nil }}, err
	})
}

func (m *model) removeLink(id string) tea.Cmd {
	room, ok := m.inRoom()
	if !ok {
		return nil
	}
	service := m.memberService()
	return m.change("unlink", "the link is ended", func(ctx context.Context) error {
		_, err := service.RemoveLink(ctx, &chatv1.RemoveLinkRequest{Room: room, LinkId: id})
		return err
	})
}

// column is a text in a column of a list.
func column(text string, width int) string {
	return pad(ansi.Truncate(CleanLine(text), width-1, "…"), width)
}

// at is a time in a list: the day, unless it is today.
func (m *model) at(t *timestamppb.Timestamp) string {
	at, now := t.AsTime().In(m.options.Local), m.now.In(m.options.Local)
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format("15:04")
	}
	return at.Format("2 Jan 15:04")
}

func (m *model) until(end *timestamppb.Timestamp) string {
	if end == nil {
		return ""
	}
	return " until " + m.at(end)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// parseTime reads a time such as 90s, 10m, 2h, 3d or 1w.
func parseTime(text string) (time.Duration, bool) {
	for unit, length := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			n, err := strconv.ParseUint(number, 10, 12)
			return time.Duration(n) * length, err == nil && n > 0
		}
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d > 0
}
