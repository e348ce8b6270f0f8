import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import type { RoomMembers } from "@rialto/chat";
import { MemberService } from "@rialto/gen/rialto/chat/v1/member_pb";
import { RoomService } from "@rialto/gen/rialto/chat/v1/room_pb";
import { AuditAction, Role, RoomKind } from "@rialto/gen/rialto/chat/v1/types_pb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { lastCall, pendingCalls } from "./calls.js";
import { Harness } from "./harness.js";
import {
  ana,
  bo,
  code,
  cy,
  type EventInit,
  errorReply,
  joinResult,
  message,
  respond,
  snapshot,
  status,
  takeRequests,
  welcome,
} from "./wire.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const { listMembers, updateMember, muteMember, banMember, listBans, inviteMember, removeMember } = MemberService.method;

const member = (user: typeof ana, role: Role, more = {}) => ({
  room: "lobby",
  user,
  role,
  createTime: timestampFromMs(1000),
  ...more,
});

const changed = (rev: bigint, value: ReturnType<typeof member>): EventInit => ({
  room: "lobby",
  rev,
  kind: { case: "memberChanged", value },
});

const removed = (rev: bigint, value: ReturnType<typeof member>): EventInit => ({
  room: "lobby",
  rev,
  kind: { case: "memberRemoved", value },
});

const shown = (members: RoomMembers) => members.getSnapshot().members.map(({ user, role }) => `${user.name} ${role}`);

describe("members", () => {
  test("are loaded page by page, and shown by role and name", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby([message(1)]);
    expect(room.members.getSnapshot()).toEqual({ members: [], hasMore: true, loading: false });
    const first = room.members.load();
    expect(room.members.load()).toBe(first);
    const one = await lastCall(h, listMembers);
    expect(one.request).toMatchObject({ room: "lobby", pageSize: 500, pageToken: "", minRev: 1n });
    await one.answer({ members: [member(cy, Role.MEMBER), member(bo, Role.OWNER)], nextPageToken: "more" });
    await first;
    const second = room.members.load();
    const two = await lastCall(h, listMembers);
    expect(two.request.pageToken).toBe("more");
    await two.answer({ members: [member(ana, Role.MEMBER)] });
    await second;
    expect(shown(room.members)).toEqual(["Bo owner", "Ana member", "Cy member"]);
    expect(room.members.getSnapshot()).toMatchObject({ hasMore: false, loading: false });
  });

  test("change with the room's events, whether these come before or behind the page", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1)]);
    const listener = vi.fn();
    room.members.subscribe(listener);
    const loading = room.members.load();
    const page = await lastCall(h, listMembers);
    await respond(call, { events: [changed(2n, member(bo, Role.MODERATOR)), removed(3n, member(cy, Role.MEMBER))] });
    await page.answer({ members: [member(ana, Role.OWNER), member(bo, Role.MEMBER), member(cy, Role.MEMBER)] });
    await loading;
    expect(shown(room.members)).toEqual(["Ana owner", "Bo moderator"]);
    await respond(call, { events: [changed(4n, member(cy, Role.GUEST)), removed(5n, member(bo, Role.MODERATOR))] });
    expect(shown(room.members)).toEqual(["Ana owner", "Cy guest"]);
    expect(listener).toHaveBeenCalled();
  });

  test("are counted as they come and go, and only once", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1)]);
    const came = (rev: bigint, user: typeof ana) => ({
      ...changed(rev, member(user, Role.MEMBER)),
      time: timestampFromMs(1000),
    });
    const promoted = { ...changed(3n, member(bo, Role.MODERATOR)), time: timestampFromMs(2000) };
    await respond(call, { events: [came(2n, bo), promoted, came(4n, cy), removed(5n, member(bo, Role.MODERATOR))] });
    expect(room.getSnapshot().memberCount).toBe(1);
    // A visitor who is muted or banned was no member.
    await respond(call, {
      events: [changed(6n, member(bo, Role.UNSPECIFIED)), removed(7n, member(bo, Role.UNSPECIFIED))],
    });
    expect(room.getSnapshot().memberCount).toBe(1);
    await h.lose();
    h.client.connect();
    const next = await h.accept();
    const join = (await takeRequests(next)).find(({ command }) => command.case === "join");
    const reply = joinResult(join, 8, { resumed: true, headSeq: 1 });
    if (reply.result?.case === "join") {
      reply.result.value = { ...reply.result.value, room: { id: "lobby", headRev: 8n, memberCount: 2n } } as never;
    }
    await respond(next, { replies: [reply], events: [came(8n, ana)] });
    expect(room.getSnapshot().memberCount).toBe(2);
  });

  test("are loaded anew when events were not continued", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1)]);
    const loading = room.members.load();
    await (await lastCall(h, listMembers)).answer({ members: [member(bo, Role.OWNER)] });
    await loading;
    await respond(call, { events: [snapshot([message(900)])] });
    const again = await lastCall(h, listMembers);
    expect(again.request.minRev).toBe(900n);
    await again.answer({ members: [member(cy, Role.OWNER)] });
    expect(shown(room.members)).toEqual(["Cy owner"]);
  });

  test("that are asked for before the room is joined are there when the promise says so", async () => {
    const h = new Harness();
    const room = h.client.room("lobby");
    const loading = room.members.load();
    expect(room.members.getSnapshot()).toMatchObject({ loading: true });
    await h.joinLobby([message(1)]);
    const [tooEarly, again] = await pendingCalls(h, listMembers);
    expect(again?.request.minRev).toBe(1n);
    await tooEarly?.answer({ members: [member(cy, Role.OWNER)] });
    expect(room.members.getSnapshot()).toMatchObject({ members: [], loading: true });
    await again?.answer({ members: [member(bo, Role.OWNER)] });
    await loading;
    expect(shown(room.members)).toEqual(["Bo owner"]);
    expect(room.members.getSnapshot()).toMatchObject({ hasMore: false, loading: false });
  });

  test("that could not be loaded say why, and are loaded when the room begins anew", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby();
    const loading = room.members.load();
    await (await lastCall(h, listMembers)).fail(new ConnectError("lost", Code.Unavailable));
    await loading;
    expect(room.members.getSnapshot()).toMatchObject({ hasMore: true, error: { code: "UNAVAILABLE" } });
    await respond(call, { events: [snapshot([message(900)])] });
    await (await lastCall(h, listMembers)).answer({ members: [member(cy, Role.OWNER)] });
    expect(shown(room.members)).toEqual(["Cy owner"]);
    expect(room.members.getSnapshot().error).toBeUndefined();
  });

  test("are given roles, muted, banned, invited and removed by calls", async () => {
    const h = new Harness();
    const { room } = await h.joinLobby();
    const promoted = room.members.setRole(bo.id, "moderator");
    const update = await lastCall(h, updateMember);
    expect(update.request).toMatchObject({ userId: bo.id, role: Role.MODERATOR });
    await update.answer({ member: member(bo, Role.MODERATOR) });
    await promoted;

    void room.members.mute(bo.id, 1500);
    expect((await lastCall(h, muteMember)).request).toMatchObject({ duration: { seconds: 1n, nanos: 500_000_000 } });
    void room.members.mute(bo.id);
    expect((await lastCall(h, muteMember)).request.duration).toBeUndefined();
    void room.members.ban(bo.id, { durationMs: 1000, reason: "spam" });
    expect((await lastCall(h, banMember)).request).toMatchObject({
      userId: bo.id,
      reason: "spam",
      duration: { seconds: 1n },
    });
    void room.members.invite(cy.id);
    expect((await lastCall(h, inviteMember)).request).toMatchObject({ userId: cy.id, role: Role.MEMBER });
    void room.members.remove();
    expect((await lastCall(h, removeMember)).request).toMatchObject({ room: "lobby", userId: "" });

    const bans = room.members.listBans();
    const listed = {
      user: bo,
      bannedBy: ana,
      reason: "spam",
      createTime: timestampFromMs(1),
      endTime: timestampFromMs(2),
    };
    await (await lastCall(h, listBans)).answer({ bans: [listed] });
    await expect(bans).resolves.toMatchObject([{ user: { name: "Bo" }, bannedBy: { name: "Ana" }, end: new Date(2) }]);
  });
});

test("what moderators and owners did is listed page by page", async () => {
  const h = new Harness();
  const { members } = h.client.room("den");
  const { listAuditEntries } = RoomService.method;
  const first = members.listAudit();
  const banned = {
    action: AuditAction.BANNED,
    actor: ana,
    time: timestampFromMs(1),
    userId: bo.id,
    endTime: timestampFromMs(2),
    text: "spam",
  };
  const call = await lastCall(h, listAuditEntries);
  expect(call.request).toMatchObject({ room: "den", pageSize: 100, pageToken: "" });
  await call.answer({ entries: [banned], nextPageToken: "more" });
  await expect(first).resolves.toEqual({
    entries: [
      {
        action: "banned",
        actor: { id: ana.id, name: "Ana", guest: true },
        time: new Date(1),
        userId: bo.id,
        end: new Date(2),
        text: "spam",
      },
    ],
    nextPageToken: "more",
  });
  const second = members.listAudit("more");
  const more = await lastCall(h, listAuditEntries);
  expect(more.request.pageToken).toBe("more");
  const time = timestampFromMs(1);
  await more.answer({
    entries: [
      { action: AuditAction.ROLE_CHANGED, actor: ana, time, userId: bo.id, role: Role.GUEST },
      { action: AuditAction.MESSAGE_DELETED, actor: ana, time, seq: 7n },
      { action: 99 as AuditAction, actor: ana, time },
    ],
  });
  const { entries, nextPageToken } = await second;
  expect(nextPageToken).toBeUndefined();
  expect(entries).toMatchObject([
    { action: "role-changed", role: "guest" },
    { action: "message-deleted", seq: 7 },
    { action: "other", text: "" },
  ]);
});

describe("the ways into a private room", () => {
  const { addMember, createLink, listLinks, requestMembership, listMembershipRequests, answerMembershipRequest } =
    MemberService.method;

  test("by a link: it is made, listed, and accepted by its token", async () => {
    const h = new Harness();
    const { members } = h.client.room("den");
    const made = members.createLink({ role: "guest", maxUses: 3, durationMs: 60_000 });
    const create = await lastCall(h, createLink);
    expect(create.request).toMatchObject({ room: "den", role: Role.GUEST, maxUses: 3, duration: { seconds: 60n } });
    await create.answer({ token: "secret" });
    await expect(made).resolves.toBe("secret");
    const listed = members.listLinks();
    const link = { id: "l1", creator: bo, role: Role.GUEST, createTime: timestampFromMs(1), maxUses: 3, uses: 1 };
    await (await lastCall(h, listLinks)).answer({ links: [link] });
    await expect(listed).resolves.toMatchObject([{ id: "l1", role: "guest", maxUses: 3, uses: 1, since: new Date(1) }]);
    const accepted = h.client.acceptLink("secret");
    const add = await lastCall(h, addMember);
    expect(add.request).toMatchObject({ room: "", link: "secret" });
    await add.answer({ member: { room: "den" } });
    await expect(accepted).resolves.toBe("den");
  });

  test("by asking: requests are made, listed page by page, and answered", async () => {
    const h = new Harness();
    const { members } = h.client.room("den");
    void members.request("It is me");
    expect((await lastCall(h, requestMembership)).request).toMatchObject({ room: "den", note: "It is me" });
    const listed = members.listRequests();
    const request = (user: typeof bo) => ({ user, note: "", createTime: timestampFromMs(1) });
    await (await lastCall(h, listMembershipRequests)).answer({ requests: [request(bo)], nextPageToken: "more" });
    const second = await lastCall(h, listMembershipRequests);
    expect(second.request.pageToken).toBe("more");
    await second.answer({ requests: [request(cy)] });
    expect((await listed).map(({ user }) => user.name)).toEqual(["Bo", "Cy"]);
    void members.answerRequest(bo.id, true);
    expect((await lastCall(h, answerMembershipRequest)).request).toMatchObject({ userId: bo.id, accept: true });
  });
});

test("a direct room is opened by who is in it", async () => {
  const h = new Harness();
  const opened = h.client.openDirectRoom([bo.id]);
  const call = await lastCall(h, RoomService.method.openDirectRoom);
  expect(call.request.userIds).toEqual([bo.id]);
  await call.answer({ room: { id: "direct.1", kind: RoomKind.DIRECT, people: [ana.id, bo.id] } });
  await expect(opened).resolves.toMatchObject({ id: "direct.1", kind: "direct", people: [ana.id, bo.id] });
});

describe("this user", () => {
  test("is what the join said, and what events say from then on", async () => {
    const h = new Harness();
    const room = h.client.room("lobby");
    room.join();
    h.client.connect();
    const call = await h.accept(welcome(ana));
    const join = (await takeRequests(call)).find(({ command }) => command.case === "join");
    const reply = joinResult(join, 1, { member: member(ana, Role.MEMBER) });
    await respond(call, { events: [snapshot([message(1)])], replies: [reply] });
    expect(room.getSnapshot().me).toMatchObject({ role: "member", muted: false, since: new Date(1000) });
    const muted = { muted: true, muteEnd: timestampFromMs(5000) };
    await respond(call, { events: [changed(2n, member(ana, Role.MEMBER, muted))] });
    expect(room.getSnapshot().me).toMatchObject({ muted: true, muteEnd: new Date(5000) });
    await respond(call, { events: [removed(3n, member(ana, Role.MEMBER)), changed(4n, member(bo, Role.OWNER))] });
    expect(room.getSnapshot().me).toBeUndefined();
  });

  test("is what events say that came behind the join, though its answer comes later than they", async () => {
    const h = new Harness();
    const room = h.client.room("lobby");
    room.join();
    h.client.connect();
    const first = await h.accept();
    let join = (await takeRequests(first)).find(({ command }) => command.case === "join");
    await respond(first, {
      events: [snapshot([message(1)]), changed(2n, member(ana, Role.MODERATOR))],
      replies: [joinResult(join, 1, { member: member(ana, Role.MEMBER, { muted: true }) })],
    });
    expect(room.getSnapshot().me).toMatchObject({ role: "moderator", muted: false });

    await h.lose();
    h.client.connect();
    const second = await h.accept();
    join = (await takeRequests(second)).find(({ command }) => command.case === "join");
    await respond(second, { events: [removed(3n, member(ana, Role.MODERATOR))] });
    await respond(second, {
      replies: [joinResult(join, 2, { resumed: true, member: member(ana, Role.MODERATOR) })],
    });
    expect(room.getSnapshot().me).toBeUndefined();

    // Where the server was restored, what it had said before is no news.
    await h.lose();
    h.client.connect();
    const third = await h.accept();
    join = (await takeRequests(third)).find(({ command }) => command.case === "join");
    const restored = { inEpoch: "epoch-2", member: member(ana, Role.MEMBER) };
    await respond(third, { replies: [joinResult(join, 1, restored)] });
    await respond(third, { events: [snapshot([message(1)], { epoch: "epoch-2" })] });
    expect(room.getSnapshot().me).toMatchObject({ role: "member" });
  });

  test.each([
    ["not to be seen", code.notFound],
    ["refused", code.permissionDenied],
  ])("is nothing known where the room is %s after a break", async (_, refusal) => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1)]);
    await respond(call, { events: [changed(2n, member(ana, Role.MODERATOR))] });
    await h.lose();
    h.client.connect();
    const next = await h.accept();
    const join = (await takeRequests(next)).find(({ command }) => command.case === "join");
    await respond(next, { replies: [errorReply(join, status(refusal, "no"))] });
    expect(room.getSnapshot().status).toBe("idle");
    expect(room.getSnapshot().me).toBeUndefined();
  });

  test("that is shut out follows the room no more, and asks again with the next connection", async () => {
    const h = new Harness();
    const { room, call } = await h.joinLobby([message(1)]);
    await respond(call, {
      events: [removed(2n, member(ana, Role.MEMBER)), { room: "lobby", kind: { case: "shutOut", value: {} } }],
    });
    expect(room.getSnapshot()).toMatchObject({ status: "idle", error: { code: "PERMISSION_DENIED" }, online: [] });
    expect(h.connection.status).toBe("live");
    await h.lose();
    h.client.connect();
    const next = await h.accept();
    const join = (await takeRequests(next)).find(({ command }) => command.case === "join");
    expect(join?.command.value).toMatchObject({ start: { case: "resume", value: { rev: 2n } } });
  });
});

test("a room's settings are changed one by one, and shown at once", async () => {
  const h = new Harness();
  const { room } = await h.joinLobby([message(1)]);
  const updated = room.update({ topic: "News", slowModeMs: 0, kind: "private", posting: "member", archived: false });
  const call = await lastCall(h, RoomService.method.updateRoom);
  expect(call.request).toMatchObject({
    room: "lobby",
    topic: "News",
    slowMode: { seconds: 0n },
    kind: RoomKind.PRIVATE,
    posting: Role.MEMBER,
    archived: false,
  });
  expect(call.request.title).toBeUndefined();
  await call.answer({
    room: { id: "lobby", topic: "News", kind: RoomKind.PRIVATE, posting: Role.MEMBER, headRev: 2n, memberCount: 3n },
  });
  await updated;
  expect(room.getSnapshot()).toMatchObject({ topic: "News", kind: "private", posting: "member", memberCount: 3 });
});

test("a room is told what to keep of its messages, and shows it", async () => {
  const h = new Harness();
  const { room } = await h.joinLobby([message(1)]);
  expect(room.getSnapshot().retention).toBeNull();
  const updated = room.update({ retention: { maxAgeMs: 86_400_000, maxMessages: 5000 } });
  const call = await lastCall(h, RoomService.method.updateRoom);
  const retention = { maxAge: { seconds: 86_400n }, maxMessages: 5000n };
  expect(call.request).toMatchObject({ retention, clearRetention: false });
  await call.answer({ room: { id: "lobby", headRev: 2n, retention } });
  await updated;
  expect(room.getSnapshot().retention).toEqual({ maxAgeMs: 86_400_000, maxMessages: 5000 });
  void room.update({ retention: null });
  const cleared = await lastCall(h, RoomService.method.updateRoom);
  expect(cleared.request).toMatchObject({ clearRetention: true });
  expect(cleared.request.retention).toBeUndefined();
});

test("listInvitations tells where this user may come in", async () => {
  const h = new Harness();
  const listed = h.client.listInvitations();
  const call = await lastCall(h, MemberService.method.listInvitations);
  const room = { id: "den", title: "The den", kind: RoomKind.PRIVATE };
  await call.answer({ invitations: [{ room, invitedBy: bo, role: Role.GUEST, createTime: timestampFromMs(1) }] });
  await expect(listed).resolves.toMatchObject([
    { room: { id: "den", kind: "private" }, invitedBy: { name: "Bo" }, role: "guest" },
  ]);
});
