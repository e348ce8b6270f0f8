import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { MemberService } from "@rialto/gen/rialto/chat/v1/member_pb";
import { RoomService } from "@rialto/gen/rialto/chat/v1/room_pb";
import type { Member as WireMember } from "@rialto/gen/rialto/chat/v1/types_pb";
import { fromRole, toMember } from "../convert.js";
import type { AuditPage, Ban, BanOptions, JoinRequest, Link, LinkOptions, Member, Role } from "../member-types.js";
import type { Call } from "../session.js";
import { toAuditEntry, toBan, toJoinRequest, toLink } from "./convert.js";
import { allPages, pageSize } from "./pages.js";

/** How many entries a page of the audit brings. */
const auditPageSize = 100;

/** The calls about who belongs to one room. What they do and when they are refused is said at RoomMembers. */
export class MemberCalls {
  private readonly room: string;
  private readonly call: Call;

  constructor(room: string, call: Call) {
    this.room = room;
    this.call = call;
  }

  /** Returns a page of members, as the room is at this rev or later, and where the next page starts: undefined on the last. */
  async list(
    pageToken: string | undefined,
    minRev: number,
  ): Promise<{ readonly members: readonly Member[]; readonly next: string | undefined }> {
    const request = { room: this.room, pageSize, pageToken: pageToken ?? "", minRev: BigInt(minRev) };
    const { members, nextPageToken } = await this.call(MemberService.method.listMembers, request);
    return { members: members.map(toMember), next: nextPageToken === "" ? undefined : nextPageToken };
  }

  async add(): Promise<Member | undefined> {
    return memberOf(await this.call(MemberService.method.addMember, { room: this.room }));
  }

  async remove(userId: string): Promise<void> {
    await this.call(MemberService.method.removeMember, { room: this.room, userId });
  }

  async setRole(userId: string, role: Role): Promise<Member | undefined> {
    const request = { room: this.room, userId, role: fromRole(role) };
    return memberOf(await this.call(MemberService.method.updateMember, request));
  }

  async mute(userId: string, durationMs: number | undefined): Promise<void> {
    await this.call(MemberService.method.muteMember, { room: this.room, userId, ...lasting(durationMs) });
  }

  async unmute(userId: string): Promise<void> {
    await this.call(MemberService.method.unmuteMember, { room: this.room, userId });
  }

  async ban(userId: string, { durationMs, reason = "" }: BanOptions): Promise<void> {
    await this.call(MemberService.method.banMember, { room: this.room, userId, reason, ...lasting(durationMs) });
  }

  async unban(userId: string): Promise<void> {
    await this.call(MemberService.method.unbanMember, { room: this.room, userId });
  }

  listBans(): Promise<Ban[]> {
    return allPages(async (pageToken) => {
      const page = await this.call(MemberService.method.listBans, { room: this.room, pageSize, pageToken });
      return { items: page.bans.map(toBan), next: page.nextPageToken };
    });
  }

  async invite(userId: string, role: Role): Promise<void> {
    await this.call(MemberService.method.inviteMember, { room: this.room, userId, role: fromRole(role) });
  }

  async removeInvitation(userId: string): Promise<void> {
    await this.call(MemberService.method.removeInvitation, { room: this.room, userId });
  }

  async createLink({ role = "member", maxUses = 0, durationMs }: LinkOptions): Promise<string> {
    const request = { room: this.room, role: fromRole(role), maxUses, ...lasting(durationMs) };
    return (await this.call(MemberService.method.createLink, request)).token;
  }

  async listLinks(): Promise<Link[]> {
    return (await this.call(MemberService.method.listLinks, { room: this.room })).links.map(toLink);
  }

  async removeLink(linkId: string): Promise<void> {
    await this.call(MemberService.method.removeLink, { room: this.room, linkId });
  }

  async request(note: string): Promise<void> {
    await this.call(MemberService.method.requestMembership, { room: this.room, note });
  }

  listRequests(): Promise<JoinRequest[]> {
    return allPages(async (pageToken) => {
      const request = { room: this.room, pageSize, pageToken };
      const page = await this.call(MemberService.method.listMembershipRequests, request);
      return { items: page.requests.map(toJoinRequest), next: page.nextPageToken };
    });
  }

  async answerRequest(userId: string, accept: boolean): Promise<void> {
    await this.call(MemberService.method.answerMembershipRequest, { room: this.room, userId, accept });
  }

  async listAudit(pageToken: string): Promise<AuditPage> {
    const request = { room: this.room, pageSize: auditPageSize, pageToken };
    const { entries, nextPageToken } = await this.call(RoomService.method.listAuditEntries, request);
    return { entries: entries.map(toAuditEntry), ...(nextPageToken !== "" && { nextPageToken }) };
  }
}

function memberOf({ member }: { readonly member?: WireMember | undefined }): Member | undefined {
  return member && toMember(member);
}

function lasting(durationMs: number | undefined) {
  return durationMs === undefined ? {} : { duration: durationFromMs(durationMs) };
}
