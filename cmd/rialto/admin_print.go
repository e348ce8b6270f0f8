package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	adminv1 "github.com/rialto-rpc/rialto/gen/go/rialto/admin/v1"
	chatv1 "github.com/rialto-rpc/rialto/gen/go/rialto/chat/v1"
	"github.com/rialto-rpc/rialto/internal/terminal"
)

// show prints a message as JSON or as print does.
func (a *adminCommand) show(c console, m proto.Message, print func()) error {
	if a.JSON {
		return printJSON(c.stdout, m)
	}
	print()
	return nil
}

// printJSON prints a message in one line, with the field names of the API's JSON.
func printJSON(w io.Writer, m proto.Message) error {
	b, err := protojson.Marshal(m)
	if err == nil {
		_, err = fmt.Fprintf(w, "%s\n", b)
	}
	return err
}

// table prints rows under a head, in columns. What people typed is cleaned of what a terminal would obey.
func table(w io.Writer, head string, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.ReplaceAll(head, " ", "\t"))
	for _, row := range rows {
		for i := range row {
			if row[i] = terminal.CleanLine(row[i]); row[i] == "" {
				row[i] = "-"
			}
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	t.Flush()
}

// facts prints names with what they are.
func facts(w io.Writer, rows [][2]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if row[1] != "" {
			fmt.Fprintf(t, "%s\t%s\n", row[0], terminal.CleanLine(row[1]))
		}
	}
	t.Flush()
}

func moment(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Local().Format(time.DateTime)
}

// lower names a value of an enum without its prefix.
func lower(value, prefix string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(value, prefix)), "_", " ")
}

func roleName(r chatv1.Role) string { return lower(r.String(), "ROLE_") }

func byteCount(n uint64) string {
	const unit = 1 << 10
	if n < unit {
		return fmt.Sprintf("%d bytes", n)
	}
	size, name := float64(n)/unit, 0
	for ; size >= unit && name < 3; name++ {
		size /= unit
	}
	return fmt.Sprintf("%.1f %ciB", size, "KMGT"[name])
}

func printStats(w io.Writer, s *adminv1.GetStatsResponse) {
	disk := ""
	if s.FreeBytes != nil {
		disk = byteCount(s.GetFreeBytes()) + " free"
	}
	if s.GetDiskFull() {
		disk += ", too little: writes are refused"
	}
	facts(w, [][2]string{
		{"version", s.GetVersion()},
		{"running since", moment(s.GetStartTime())},
		{"users connected", fmt.Sprint(s.GetUsers())},
		{"connections", fmt.Sprint(s.GetSessions())},
		{"rooms followed", fmt.Sprint(s.GetLiveRooms())},
		{"rooms' memory", byteCount(s.GetMemoryBytes())},
		{"records stored", fmt.Sprint(s.GetPosition())},
		{"epoch", s.GetEpoch()},
		{"disk", disk},
	})
}

func printRooms(w io.Writer, rooms []*chatv1.Room) {
	var rows [][]string
	for _, r := range rooms {
		kind := lower(r.GetKind().String(), "ROOM_KIND_")
		if r.GetArchiveTime() != nil {
			kind += ", archived"
		}
		rows = append(rows, []string{
			r.GetId(), kind, fmt.Sprint(r.GetMemberCount()), fmt.Sprint(r.GetHeadSeq()), moment(r.GetUpdateTime()), r.GetTitle(),
		})
	}
	table(w, "ROOM KIND MEMBERS MESSAGES LAST TITLE", rows)
}

func printRoom(w io.Writer, r *adminv1.GetRoomResponse) {
	printRooms(w, []*chatv1.Room{r.GetRoom()})
	fmt.Fprintln(w)
	if len(r.GetModerators()) == 0 {
		fmt.Fprintln(w, "It has no owner and no moderator: rialto admin role ROOM USER owner makes one.")
		return
	}
	printMembers(w, r.GetModerators())
}

func printMembers(w io.Writer, members []*chatv1.Member) {
	var rows [][]string
	for _, m := range members {
		muted := ""
		if m.GetMuted() {
			muted = "muted"
		}
		rows = append(rows, []string{
			m.GetUser().GetId(), roleName(m.GetRole()), moment(m.GetCreateTime()), muted, m.GetUser().GetDisplayName(),
		})
	}
	table(w, "USER ROLE SINCE MUTED NAME", rows)
}

func printUser(w io.Writer, u *adminv1.GetUserResponse) {
	ban := ""
	if b := u.GetBan(); b != nil {
		ban = "until " + moment(b.GetEndTime())
		if b.GetEndTime() == nil {
			ban = "for good"
		}
		if b.GetReason() != "" {
			ban += ": " + b.GetReason()
		}
	}
	facts(w, [][2]string{
		{"user", u.GetUser().GetId()},
		{"name", u.GetUser().GetDisplayName()},
		{"emoji", u.GetEmoji()},
		{"about", u.GetAbout()},
		{"banned", ban},
		{"erased", map[bool]string{true: "yes, for good"}[u.GetErased()]},
		{"rooms", strings.Join(u.GetRooms(), " ")},
	})
	for _, s := range u.GetSessions() {
		fmt.Fprintf(w, "connected from %s, in %d rooms\n", s.GetAddress(), s.GetRooms())
	}
}

func printBans(w io.Writer, bans []*adminv1.Ban) {
	var rows [][]string
	for _, b := range bans {
		end := moment(b.GetEndTime())
		if b.GetEndTime() == nil {
			end = "for good"
		}
		rows = append(rows, []string{b.GetUserId() + b.GetPrefix(), moment(b.GetCreateTime()), end, b.GetReason()})
	}
	table(w, "BANNED SINCE UNTIL REASON", rows)
}

func printActs(w io.Writer, acts []*adminv1.Act) {
	var rows [][]string
	for _, a := range acts {
		more := a.GetReason()
		if a.GetRole() != chatv1.Role_ROLE_UNSPECIFIED {
			more = roleName(a.GetRole())
		}
		if a.GetMessages() > 0 {
			more = fmt.Sprintf("%d messages", a.GetMessages())
		}
		if a.GetEndTime() != nil {
			more = strings.TrimPrefix(more+", until "+moment(a.GetEndTime()), ", ")
		}
		rows = append(rows, []string{
			moment(a.GetTime()), lower(a.GetAction().String(), "ACTION_"), a.GetRoom(), a.GetUserId() + a.GetPrefix(), more,
		})
	}
	table(w, "TIME ACTION ROOM SUBJECT MORE", rows)
}
