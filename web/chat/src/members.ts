import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { MemberService } from "@rialto/gen/rialto/chat/v1/member_pb";
import { RoomService } from "@rialto/gen/rialto/chat/v1/room_pb";
import type { Member as WireMember } from "@rialto/gen/rialto/chat/v1/types_pb";
import { fromRole, toAuditEntry, toBan, toJoinRequest, toLink, toMember } from "./convert.js";
import { ChatError } from "./error.js";
import type {
  AuditPage,
  Ban,
  BanOptions,
  JoinRequest,
  Link,
  LinkOptions,
  Member,
  MembersSnapshot,
  Role,
  RoomMembers,
} from "./member-types.js";
import { roles } from "./roles.js";
import { Store } from "./store.js";
import type { Listener, Unsubscribe } from "./types.js";

/** How many members or bans a page brings; the server's most. */
const pageSize = 500;

/** How many entries a page of the audit brings. */
const auditPageSize = 100;

/** What the members use of their room. */
export interface MembersRoom {
  readonly id: string;
  /** The rev of the last event that was taken; 0 before the first. */
  rev(): number;
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>>;
}

/** A room's members as far as they are loaded, and what can be done about them. The room tells of its events. */
export class Members implements RoomMembers {
  private readonly room: MembersRoom;
  private readonly store = new Store<MembersSnapshot>(() => this.build());
  private readonly byId = new Map<string, Member>();
  /** What events said since the page under way was asked for; undefined: removed. */
  private readonly news = new Map<string, Member | undefined>();
  private pageToken: string | undefined;
  private isComplete = false;
  private loading: Promise<void> | undefined;
  private error: ChatError | undefined;
  /** Counts resets: a page that was asked for before one is void. */
  private generation = 0;

  constructor(room: MembersRoom) {
    this.room = room;
  }

  subscribe(listener: Listener): Unsubscribe {
    return this.store.subscribe(listener);
  }

  getSnapshot(): MembersSnapshot {
    return this.store.getSnapshot();
  }

  load(): Promise<void> {
    if (this.isComplete || this.loading) {
      return this.loading ?? Promise.resolve();
    }
    const { generation } = this;
    this.error = undefined;
    this.news.clear();
    this.loading = this.fetch(generation).finally(() => {
      if (generation === this.generation) {
        this.loading = undefined;
        this.store.changed();
      }
    });
    this.store.changed();
    return this.loading;
  }

  async add(): Promise<void> {
    const { member } = await this.room.call(MemberService.method.addMember, { room: this.room.id });
    this.merge(member);
  }

  async remove(userId = ""): Promise<void> {
    await this.room.call(MemberService.method.removeMember, { room: this.room.id, userId });
  }

  async setRole(userId: string, role: Role): Promise<void> {
    const request = { room: this.room.id, userId, role: fromRole(role) };
    this.merge((await this.room.call(MemberService.method.updateMember, request)).member);
  }

  async mute(userId: string, durationMs?: number): Promise<void> {
    await this.room.call(MemberService.method.muteMember, { room: this.room.id, userId, ...lasting(durationMs) });
  }

  async unmute(userId: string): Promise<void> {
    await this.room.call(MemberService.method.unmuteMember, { room: this.room.id, userId });
  }

  async ban(userId: string, { durationMs, reason = "" }: BanOptions = {}): Promise<void> {
    const request = { room: this.room.id, userId, reason, ...lasting(durationMs) };
    await this.room.call(MemberService.method.banMember, request);
  }

  async unban(userId: string): Promise<void> {
    await this.room.call(MemberService.method.unbanMember, { room: this.room.id, userId });
  }

  async listBans(): Promise<Ban[]> {
    const bans: Ban[] = [];
    let pageToken = "";
    do {
      const page = await this.room.call(MemberService.method.listBans, { room: this.room.id, pageSize, pageToken });
      bans.push(...page.bans.map(toBan));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return bans;
  }

  async invite(userId: string, role: "guest" | "member" = "member"): Promise<void> {
    await this.room.call(MemberService.method.inviteMember, { room: this.room.id, userId, role: fromRole(role) });
  }

  async removeInvitation(userId = ""): Promise<void> {
    await this.room.call(MemberService.method.removeInvitation, { room: this.room.id, userId });
  }

  async createLink({ role = "member", maxUses = 0, durationMs }: LinkOptions = {}): Promise<string> {
    const request = { room: this.room.id, role: fromRole(role), maxUses, ...lasting(durationMs) };
    return (await this.room.call(MemberService.method.createLink, request)).token;
  }

  async listLinks(): Promise<Link[]> {
    return (await this.room.call(MemberService.method.listLinks, { room: this.room.id })).links.map(toLink);
  }

  async removeLink(linkId: string): Promise<void> {
    await this.room.call(MemberService.method.removeLink, { room: this.room.id, linkId });
  }

  async request(note = ""): Promise<void> {
    await this.room.call(MemberService.method.requestMembership, { room: this.room.id, note });
  }

  async listRequests(): Promise<JoinRequest[]> {
    const requests: JoinRequest[] = [];
    let pageToken = "";
    do {
      const asked = { room: this.room.id, pageSize, pageToken };
      const page = await this.room.call(MemberService.method.listMembershipRequests, asked);
      requests.push(...page.requests.map(toJoinRequest));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return requests;
  }

  async answerRequest(userId: string, accept: boolean): Promise<void> {
    await this.room.call(MemberService.method.answerMembershipRequest, { room: this.room.id, userId, accept });
  }

  async listAudit(pageToken = ""): Promise<AuditPage> {
    const request = { room: this.room.id, pageSize: auditPageSize, pageToken };
    const { entries, nextPageToken } = await this.room.call(RoomService.method.listAuditEntries, request);
    return { entries: entries.map(toAuditEntry), ...(nextPageToken !== "" && { nextPageToken }) };
  }

  /** Somebody became a member, or is another. One without a role is only muted. */
  changed(member: Member): void {
    this.set(member.user.id, member.role === "visitor" ? undefined : member);
  }

  /** Somebody is a member no more. */
  removed(userId: string): void {
    this.set(userId, undefined);
  }

  /** Events were missed: what was loaded is loaded anew. */
  reset(): void {
    const wasLoaded = this.byId.size > 0 || this.isComplete;
    this.generation++;
    this.loading = undefined;
    this.byId.clear();
    this.pageToken = undefined;
    this.isComplete = false;
    if (wasLoaded) {
      void this.load();
    }
  }

  private merge(member: WireMember | undefined): void {
    if (member) {
      this.changed(toMember(member));
    }
  }

  private set(userId: string, member: Member | undefined): void {
    this.news.set(userId, member);
    // Before the first page the list is nobody's.
    if (this.pageToken === undefined && !this.isComplete) {
      return;
    }
    if (member) {
      this.byId.set(userId, member);
    } else {
      this.byId.delete(userId);
    }
    this.store.changed();
  }

  private async fetch(generation: number): Promise<void> {
    try {
      const request = {
        room: this.room.id,
        pageSize,
        pageToken: this.pageToken ?? "",
        minRev: BigInt(this.room.rev()),
      };
      const { members, nextPageToken } = await this.room.call(MemberService.method.listMembers, request);
      if (generation === this.generation) {
        this.take(members.map(toMember));
        this.pageToken = nextPageToken;
        this.isComplete = nextPageToken === "";
      }
    } catch (reason) {
      if (generation === this.generation) {
        this.error = reason instanceof ChatError ? reason : new ChatError("INTERNAL", "The members cannot be shown.");
      }
    }
  }

  private take(members: readonly Member[]): void {
    for (const member of members) {
      this.byId.set(member.user.id, member);
    }
    for (const [userId, member] of this.news) {
      if (member) {
        this.byId.set(userId, member);
      } else {
        this.byId.delete(userId);
      }
    }
    this.news.clear();
  }

  private build(): MembersSnapshot {
    return {
      members: [...this.byId.values()].sort(byRoleAndName),
      hasMore: !this.isComplete,
      loading: this.loading !== undefined,
      ...(this.error && { error: this.error }),
    };
  }
}

function byRoleAndName(a: Member, b: Member): number {
  const byRole = roles.indexOf(b.role) - roles.indexOf(a.role);
  return byRole || a.user.name.localeCompare(b.user.name) || (a.user.id < b.user.id ? -1 : 1);
}

function lasting(durationMs: number | undefined) {
  return durationMs === undefined ? {} : { duration: durationFromMs(durationMs) };
}
