package state_test

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	storev1 "github.com/rialto-rpc/rialto/gen/go/rialto/store/v1"
	"github.com/rialto-rpc/rialto/internal/chat/state"
)

// model is the chat in maps and slices: the specification that the store is compared with. It knows nothing of keys,
// caches, batches or encodings.
type model struct {
	rooms  map[string]*modelRoom
	gone   map[string]*modelRoom // those that were deleted
	links  map[string]*modelRoom
	blocks map[[2]string]bool // by, whom

	profiles map[string]state.Profile
	bans     map[string]state.ServerBan // by key
	acts     []state.OperatorAct
	erased   map[string]bool // users
}

type modelRoom struct {
	state.Room
	all         *model
	messages    []*state.Message        // by seq - 1
	events      []modelEvent            // by rev - 1
	known       map[string]state.Member // members, and who is muted or banned
	bans        map[string]state.Ban
	requests    map[string]state.Request
	links       map[string]state.Link
	audits      []state.Act
	invitations map[string]state.Invitation
	shutOuts    []state.ShutOut // all there ever were
	markers     map[string]uint64
	posted      map[string]int64
	firsts      map[[2]string]*modelFirst // by sender and client_id
}

// modelEvent is an event as it is read back: with the seq of its message in place of the message.
type modelEvent struct {
	state.Event
	seq uint64
}

type modelFirst struct {
	state.Result
	body   state.Message // only what the sender says in it
	forgot bool
}

func newModel() *model {
	return &model{
		profiles: make(map[string]state.Profile), bans: make(map[string]state.ServerBan),
		rooms: make(map[string]*modelRoom), gone: make(map[string]*modelRoom), links: make(map[string]*modelRoom), blocks: make(map[[2]string]bool),
		erased: map[string]bool{state.DeletedUser.ID: true},
	}
}

// apply decides one command.
func (m *model) apply(actor state.Actor, timeMS int64, command proto.Message) state.Result {
	if result, ok := m.server(actor, timeMS, command); ok {
		return result
	}
	switch c := command.(type) {
	case *storev1.Publish:
		return m.publish(actor, timeMS, c)
	case *storev1.OpenDirect:
		return m.openDirect(actor, timeMS, c)
	case *storev1.AskToJoin:
		return m.ask(actor, timeMS, c)
	case *storev1.Block:
		return m.block(actor, c)
	case *storev1.CreateRoom:
		if m.rooms[c.GetRoom()] != nil || m.gone[c.GetRoom()] != nil || strings.HasPrefix(c.GetRoom(), "direct.") {
			return state.Result{Refusal: state.RoomExists}
		}
		r := m.makeRoom(c.GetRoom(), state.Settings{
			Title: c.GetSettings().GetTitle(), Topic: c.GetSettings().GetTopic(), SlowMode: c.GetSettings().GetSlowModeMs(),
			Kind: max(state.RoomKind(c.GetSettings().GetKind()), state.Public), Posting: state.Role(c.GetSettings().GetPosting()),
		}, actor, timeMS)
		return r.roomChanged(actor, timeMS)
	}
	r := m.rooms[command.(interface{ GetRoom() string }).GetRoom()]
	if r == nil {
		return state.Result{Refusal: state.NoSuchRoom}
	}
	if result, ok := r.people(actor, timeMS, command); ok {
		return result
	}
	now := r.now(timeMS)
	switch c := command.(type) {
	case *storev1.UpdateRoom:
		return r.update(actor, timeMS, c)
	case *storev1.Trim:
		return r.trim(actor, timeMS, c)
	case *storev1.DeleteRoom:
		return m.deleteRoom(r, actor, timeMS, now)
	case *storev1.MarkRead:
		if refusal := r.sees(actor, now); refusal != state.Accepted {
			return state.Result{Refusal: refusal}
		}
		if c.GetSeq() > r.Head.Seq {
			return state.Result{Refusal: state.SeqAboveHead}
		}
		r.markers[actor.ID] = c.GetSeq()
		return state.Result{Seq: c.GetSeq()}
	}
	if refusal := r.sees(actor, now); refusal != state.Accepted {
		return state.Result{Refusal: refusal}
	}
	seq := command.(interface{ GetSeq() uint64 }).GetSeq()
	if seq < r.Head.FirstSeq || seq > r.Head.Seq {
		return state.Result{Refusal: state.NoSuchMessage}
	}
	message := r.messages[seq-1]
	switch c := command.(type) {
	case *storev1.Edit:
		return r.edit(actor, timeMS, message, c)
	case *storev1.Delete:
		return r.delete(actor, timeMS, message)
	case *storev1.React:
		return r.react(actor, timeMS, message, c)
	}
	panic("the model does not know the command")
}

func (m *model) makeRoom(id string, settings state.Settings, creator state.Actor, timeMS int64) *modelRoom {
	timeMS = max(timeMS, 1)
	r := &modelRoom{
		Room: state.Room{
			ID: state.RoomID(id), Settings: settings, CreateTime: timeMS, Creator: creator, Head: state.Head{FirstSeq: 1},
			Members: 1, Removal: state.Removal{Seq: 1, Rev: 1, ClientIDs: 1},
		},
		known:       make(map[string]state.Member),
		all:         m,
		bans:        make(map[string]state.Ban),
		requests:    make(map[string]state.Request),
		links:       make(map[string]state.Link),
		invitations: make(map[string]state.Invitation),
		markers:     make(map[string]uint64),
		posted:      make(map[string]int64),
		firsts:      make(map[[2]string]*modelFirst),
	}
	r.known[creator.ID] = state.Member{Room: r.ID, User: creator, Role: state.RoleOwner, CreateTime: timeMS}
	m.rooms[id] = r
	return r
}

func (m *model) publish(actor state.Actor, timeMS int64, c *storev1.Publish) state.Result {
	body := state.Message{
		Text: c.GetBody().GetText(), DataType: c.GetBody().GetData().GetType(), Data: c.GetBody().GetData().GetValue(),
		ReplyTo: c.GetReplyTo(), Mentions: c.GetMentions(),
	}
	r, key := m.rooms[c.GetRoom()], [2]string{actor.ID, c.GetClientId()}
	if m.gone[c.GetRoom()] != nil {
		return state.Result{Refusal: state.RoomDeleted}
	}
	if r == nil && strings.HasPrefix(c.GetRoom(), "direct.") {
		return state.Result{Refusal: state.NoSuchRoom}
	}
	if c.GetReplyTo() != 0 && r == nil {
		return state.Result{Refusal: state.NoSuchMessage}
	}
	if r == nil {
		r = m.makeRoom(c.GetRoom(), state.Settings{Kind: state.Public}, actor, timeMS)
	}
	if first := r.firsts[key]; first != nil {
		same := first.body.Text == body.Text && first.body.DataType == body.DataType &&
			slices.Equal(first.body.Data, body.Data) && first.body.ReplyTo == body.ReplyTo &&
			slices.Equal(first.body.Mentions, body.Mentions)
		if !same && !first.forgot {
			return state.Result{Refusal: state.ClientIDReused}
		}
		result := first.Result
		result.Duplicate = true
		return result
	}
	now := r.now(timeMS)
	if result := r.posts(actor, now); result.Refusal != state.Accepted {
		return result
	}
	if !r.talks(actor.ID) {
		return state.Result{Refusal: state.Blocked}
	}
	if slow := r.Settings.SlowMode; slow > 0 && r.role(actor) < state.RoleModerator {
		if last := r.posted[actor.ID]; last != 0 && last+slow > now {
			return state.Result{Refusal: state.TooSoon, Wait: last + slow - now}
		}
	}
	if to := c.GetReplyTo(); to > r.Head.Seq || to != 0 && to < r.Head.FirstSeq {
		return state.Result{Refusal: state.NoSuchMessage}
	}
	if r.Settings.SlowMode > 0 {
		r.posted[actor.ID] = now
	}
	said := body
	body.Mentions = m.present(c.GetMentions())
	r.Head.Seq++
	body.Room, body.Seq, body.Sender, body.ClientID = r.ID, r.Head.Seq, actor, c.GetClientId()
	message := body
	r.messages = append(r.messages, &message)
	r.markers[actor.ID] = r.Head.Seq
	result := r.messageChanged(state.Posted, actor, timeMS, &message)
	message.CreateTime = result.Time
	if c.GetReplyTo() != 0 {
		thread := &r.messages[c.GetReplyTo()-1].Thread
		thread.Count++
		thread.LastSeq, thread.LastTime = message.Seq, result.Time
	}
	if c.GetClientId() != "" {
		r.firsts[key] = &modelFirst{Result: result, body: said}
	}
	return result
}

func (r *modelRoom) update(actor state.Actor, timeMS int64, c *storev1.UpdateRoom) state.Result {
	now := r.now(timeMS)
	if refusal := r.acts(actor, state.RoleModerator, now); refusal != state.Accepted {
		return state.Result{Refusal: refusal}
	}
	if r.role(actor) < state.RoleOwner && (c.Kind != nil || c.Posting != nil || c.Archived != nil || c.Requests != nil ||
		c.Retention != nil || c.ClearRetention) {
		return state.Result{Refusal: state.RoleTooLow}
	}
	before := r.Settings
	archived := before.ArchiveTime != 0
	if c.Archived != nil && c.GetArchived() && !archived {
		r.Settings.ArchiveTime = now
	}
	if c.Archived != nil && !c.GetArchived() {
		r.Settings.ArchiveTime = 0
	}
	if c.Kind != nil {
		r.Settings.Kind = state.RoomKind(c.GetKind())
	}
	if c.Posting != nil {
		r.Settings.Posting = state.Role(c.GetPosting())
	}
	if c.Title != nil {
		r.Settings.Title = c.GetTitle()
	}
	if c.Topic != nil {
		r.Settings.Topic = c.GetTopic()
	}
	if c.SlowModeMs != nil {
		r.Settings.SlowMode = c.GetSlowModeMs()
	}
	if c.Requests != nil {
		r.Settings.Requests = c.GetRequests()
	}
	if c.Retention != nil {
		r.Settings.Retention = retention(c.GetRetention())
	}
	if c.GetClearRetention() {
		r.Settings.Retention = state.Retention{}
	}
	if r.Settings == before {
		return state.Result{}
	}
	if archived && r.Settings.ArchiveTime != 0 {
		r.Settings = before
		return state.Result{Refusal: state.RoomArchived}
	}
	r.auditSettings(actor, timeMS, archived)
	result := r.roomChanged(actor, timeMS)
	if r.Settings.Kind == state.Private && before.Kind != state.Private {
		r.shutOuts = append(r.shutOuts, state.ShutOut{Room: r.ID, Rev: result.Rev, Visitors: true})
	}
	return result
}

// replies returns the messages that answer one, oldest first.
func (r *modelRoom) replies(to uint64) []*state.Message {
	var replies []*state.Message
	for _, m := range r.kept() {
		if m.ReplyTo == to {
			replies = append(replies, m)
		}
	}
	return replies
}

func (r *modelRoom) edit(actor state.Actor, timeMS int64, m *state.Message, c *storev1.Edit) state.Result {
	switch {
	case m.Sender.ID != actor.ID:
		return state.Result{Refusal: state.NotSender}
	case m.DeleteTime != 0:
		return state.Result{Refusal: state.MessageDeleted}
	case m.DataType != "":
		return state.Result{Refusal: state.MessageNotText}
	}
	if result := r.posts(actor, r.now(timeMS)); result.Refusal != state.Accepted {
		return result
	}
	if !r.talks(actor.ID) {
		return state.Result{Refusal: state.Blocked}
	}
	mentions := r.all.present(c.GetMentions())
	switch {
	case m.Text == c.GetText() && slices.Equal(m.Mentions, mentions):
		return state.Result{Seq: m.Seq}
	case c.ExpectedRev != nil && c.GetExpectedRev() != m.Rev:
		return state.Result{Refusal: state.RevMoved}
	}
	m.Text, m.Mentions = c.GetText(), mentions
	result := r.messageChanged(state.Edited, actor, timeMS, m)
	m.EditTime = result.Time
	return result
}

func (r *modelRoom) delete(actor state.Actor, timeMS int64, m *state.Message) state.Result {
	if m.Sender.ID != actor.ID && r.role(actor) < state.RoleModerator {
		return state.Result{Refusal: state.NotSender}
	}
	if m.DeleteTime != 0 {
		return state.Result{Seq: m.Seq}
	}
	if m.Sender.ID != actor.ID {
		r.audit(actor, timeMS, state.Act{Action: state.MessageRemoved, User: m.Sender.ID, Seq: m.Seq})
	}
	m.Text, m.DataType, m.Data, m.Mentions, m.Reactions = "", "", nil, nil, nil
	if first := r.firsts[[2]string{m.Sender.ID, m.ClientID}]; first != nil {
		first.forgot = true
	}
	result := r.messageChanged(state.Deleted, actor, timeMS, m)
	m.DeleteTime = result.Time
	return result
}

func (r *modelRoom) react(actor state.Actor, timeMS int64, m *state.Message, c *storev1.React) state.Result {
	if result := r.posts(actor, r.now(timeMS)); result.Refusal == state.RoomArchived ||
		result.Refusal != state.Accepted && !c.GetRemove() {
		return result
	}
	if !r.talks(actor.ID) && !c.GetRemove() {
		return state.Result{Refusal: state.Blocked}
	}
	kind, total := -1, 0
	for i, reaction := range m.Reactions {
		total += len(reaction.UserIDs)
		if reaction.Emoji == c.GetEmoji() {
			kind = i
		}
	}
	has := kind >= 0 && slices.Contains(m.Reactions[kind].UserIDs, actor.ID)
	most, kinds := state.MaxReactions, state.MaxReactionKinds
	if c.GetMaxReactions() != 0 {
		most = int(c.GetMaxReactions())
	}
	if c.GetMaxKinds() != 0 {
		kinds = int(c.GetMaxKinds())
	}
	switch {
	case !c.GetRemove() && m.DeleteTime != 0:
		return state.Result{Refusal: state.MessageDeleted}
	case has != c.GetRemove():
		return state.Result{Seq: m.Seq}
	case has && len(m.Reactions[kind].UserIDs) == 1:
		m.Reactions = slices.Delete(m.Reactions, kind, kind+1)
	case has:
		m.Reactions[kind].UserIDs = slices.DeleteFunc(m.Reactions[kind].UserIDs,
			func(id string) bool { return id == actor.ID })
	case total >= most, kind < 0 && len(m.Reactions) >= kinds:
		return state.Result{Refusal: state.TooManyReactions}
	case kind < 0:
		m.Reactions = append(m.Reactions, state.Reaction{Emoji: c.GetEmoji(), UserIDs: []string{actor.ID}})
	default:
		m.Reactions[kind].UserIDs = append(m.Reactions[kind].UserIDs, actor.ID)
	}
	return r.messageChanged(state.Reacted, actor, timeMS, m)
}

func (r *modelRoom) messageChanged(
	kind state.ChangeKind, actor state.Actor, timeMS int64, m *state.Message,
) state.Result {
	result := r.changed(modelEvent{Event: state.Event{Kind: kind}, seq: m.Seq}, actor, timeMS)
	m.Rev = result.Rev
	result.Seq = m.Seq
	return result
}

func (r *modelRoom) roomChanged(actor state.Actor, timeMS int64) state.Result {
	room := new(state.Room)
	result := r.changed(modelEvent{Event: state.Event{Kind: state.RoomChanged, State: room}}, actor, timeMS)
	*room = r.Room
	room.Asking, room.Removal = 0, state.Removal{}
	return result
}

// changed takes the next rev.
func (r *modelRoom) changed(e modelEvent, actor state.Actor, timeMS int64) state.Result {
	r.Head.Rev++
	r.Head.UpdateTime = max(timeMS, r.Head.UpdateTime, 1)
	e.Room, e.Rev, e.Time, e.Actor = r.ID, r.Head.Rev, r.Head.UpdateTime, actor
	r.events = append(r.events, e)
	return state.Result{Rev: e.Rev, Time: e.Time}
}

// eventsAfter returns the room's events after rev as they are read back now: with messages in their current form.
func (r *modelRoom) eventsAfter(rev uint64) []*state.Event {
	var events []*state.Event
	for _, e := range r.events[rev:] {
		event := e.Event
		if e.seq >= r.Head.FirstSeq {
			event.Message = r.messages[e.seq-1]
		}
		if event.State != nil {
			room := *event.State
			room.Head.FirstSeq = r.Head.FirstSeq
			event.State = &room
		}
		events = append(events, &event)
	}
	return events
}

func (r *modelRoom) allMembers() []state.Member {
	members := slices.SortedFunc(maps.Values(r.known),
		func(a, b state.Member) int { return cmp.Compare(a.User.ID, b.User.ID) })
	return slices.DeleteFunc(members, func(m state.Member) bool { return m.Role == state.RoleNone })
}

func (r *modelRoom) allBans() []state.Ban {
	return slices.SortedFunc(maps.Values(r.bans), func(a, b state.Ban) int { return cmp.Compare(a.User.ID, b.User.ID) })
}

func (r *modelRoom) allRequests() []state.Request {
	return slices.SortedFunc(maps.Values(r.requests),
		func(a, b state.Request) int { return cmp.Compare(a.User.ID, b.User.ID) })
}

func (r *modelRoom) allLinks() []state.Link {
	return slices.SortedFunc(maps.Values(r.links), func(a, b state.Link) int { return cmp.Compare(a.ID, b.ID) })
}

// allActs returns the acts that are kept, newest first.
func (r *modelRoom) allActs() []state.Act {
	acts := slices.Clone(r.audits[max(0, len(r.audits)-state.MaxActs):])
	slices.Reverse(acts)
	return acts
}

// mentions counts the messages above seq that mention somebody else than their sender.
func (r *modelRoom) mentions(user string, seq uint64) (n int) {
	for _, m := range r.kept() {
		if m.Seq > seq && m.Sender.ID != user && slices.Contains(m.Mentions, user) {
			n++
		}
	}
	return n
}

// roomsOf returns the rooms that somebody is a member of.
func (m *model) roomsOf(user string) []state.RoomID {
	var rooms []state.RoomID
	for id, room := range m.tiedTo(user) {
		if room.known[user].Role != state.RoleNone {
			rooms = append(rooms, state.RoomID(id))
		}
	}
	return rooms
}

func (m *model) blocked(by string) []string {
	var users []string
	for id := range m.blocks {
		if id[0] == by {
			users = append(users, id[1])
		}
	}
	slices.Sort(users)
	return users
}

// invitations returns what somebody is invited to, by room.
func (m *model) invitations(user string) []state.Invitation {
	var all []state.Invitation
	for _, room := range m.tiedTo(user) {
		if i, ok := room.invitations[user]; ok {
			all = append(all, i)
		}
	}
	return all
}

func (m *model) allRooms() []state.Room {
	var rooms []state.Room
	for _, id := range slices.Sorted(maps.Keys(m.rooms)) {
		rooms = append(rooms, m.rooms[id].Room)
	}
	return rooms
}
