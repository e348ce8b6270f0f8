import { ChatError } from "./error.js";
import type { MemberCalls } from "./later/index.js";
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
import type { Session } from "./session.js";
import { Store } from "./store.js";
import type { Listener, Unsubscribe } from "./types.js";

/** What the members use of their room. */
export interface MembersRoom {
  readonly id: string;
  readonly session: Pick<Session, "call" | "later">;
  /** The rev of the last event that was taken; 0 before the first. */
  rev(): number;
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
    this.loading = this.fetch(generation).then(() => {
      if (generation !== this.generation) {
        return this.loading;
      }
      this.loading = undefined;
      this.store.changed();
      return undefined;
    });
    this.store.changed();
    return this.loading;
  }

  async add(): Promise<void> {
    this.merge(await this.later((calls) => calls.add()));
  }

  remove(userId = ""): Promise<void> {
    return this.later((calls) => calls.remove(userId));
  }

  async setRole(userId: string, role: Role): Promise<void> {
    this.merge(await this.later((calls) => calls.setRole(userId, role)));
  }

  mute(userId: string, durationMs?: number): Promise<void> {
    return this.later((calls) => calls.mute(userId, durationMs));
  }

  unmute(userId: string): Promise<void> {
    return this.later((calls) => calls.unmute(userId));
  }

  ban(userId: string, options: BanOptions = {}): Promise<void> {
    return this.later((calls) => calls.ban(userId, options));
  }

  unban(userId: string): Promise<void> {
    return this.later((calls) => calls.unban(userId));
  }

  listBans(): Promise<Ban[]> {
    return this.later((calls) => calls.listBans());
  }

  invite(userId: string, role: "guest" | "member" = "member"): Promise<void> {
    return this.later((calls) => calls.invite(userId, role));
  }

  removeInvitation(userId = ""): Promise<void> {
    return this.later((calls) => calls.removeInvitation(userId));
  }

  createLink(options: LinkOptions = {}): Promise<string> {
    return this.later((calls) => calls.createLink(options));
  }

  listLinks(): Promise<Link[]> {
    return this.later((calls) => calls.listLinks());
  }

  removeLink(linkId: string): Promise<void> {
    return this.later((calls) => calls.removeLink(linkId));
  }

  request(note = ""): Promise<void> {
    return this.later((calls) => calls.request(note));
  }

  listRequests(): Promise<JoinRequest[]> {
    return this.later((calls) => calls.listRequests());
  }

  answerRequest(userId: string, accept: boolean): Promise<void> {
    return this.later((calls) => calls.answerRequest(userId, accept));
  }

  listAudit(pageToken = ""): Promise<AuditPage> {
    return this.later((calls) => calls.listAudit(pageToken));
  }

  /** Somebody became a member, or is another. One without a role is only muted. */
  changed(member: Member): void {
    this.set(member.user.id, member.role === "visitor" ? undefined : member);
  }

  /** Somebody is a member no more. */
  removed(userId: string): void {
    this.set(userId, undefined);
  }

  /** Events were missed: what was loaded, is about to be, or could not be, is loaded anew. */
  reset(): void {
    const { byId, isComplete, loading, error } = this;
    const wasWanted = byId.size > 0 || isComplete || loading !== undefined || error !== undefined;
    this.generation++;
    this.loading = undefined;
    this.byId.clear();
    this.pageToken = undefined;
    this.isComplete = false;
    if (wasWanted) {
      void this.load();
    }
  }

  private later<T>(use: (calls: MemberCalls) => Promise<T>): Promise<T> {
    const { id, session } = this.room;
    return session.later(({ MemberCalls }) => use(new MemberCalls(id, session.call)));
  }

  private merge(member: Member | undefined): void {
    if (member) {
      this.changed(member);
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
      const { members, next } = await this.later((calls) => calls.list(this.pageToken, this.room.rev()));
      if (generation === this.generation) {
        this.take(members);
        this.pageToken = next;
        this.isComplete = next === undefined;
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
