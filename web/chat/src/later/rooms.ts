import { timestampDate } from "@bufbuild/protobuf/wkt";
import { MemberService } from "@rialto/gen/rialto/chat/v1/member_pb";
import { RoomService } from "@rialto/gen/rialto/chat/v1/room_pb";
import type { Room as WireRoom } from "@rialto/gen/rialto/chat/v1/types_pb";
import type { Profile as WireProfile } from "@rialto/gen/rialto/chat/v1/user_pb";
import { UserService } from "@rialto/gen/rialto/chat/v1/user_pb";
import { fromKind, fromRole, toInvitation, toSummary } from "../convert.js";
import { ChatError } from "../error.js";
import type { Invitation, NewRoom, RoomSettings } from "../member-types.js";
import type { Profile, ProfileChanges } from "../profile-types.js";
import type { Call } from "../session.js";
import type { RoomSummary } from "../types.js";
import { allPages, pageSize } from "./pages.js";
import { updateOf } from "./room-update.js";

/** The calls about rooms, and about this user. What they do and when they are refused is said at ChatClient and Room. */
export class RoomCalls {
  private readonly call: Call;

  constructor(call: Call) {
    this.call = call;
  }

  async list(): Promise<RoomSummary[]> {
    const summaries = await allPages(async (pageToken) => {
      const page = await this.call(RoomService.method.listRooms, { pageSize, pageToken });
      return { items: page.rooms.map((room, i) => toSummary(room, page.read[i])), next: page.nextPageToken };
    });
    return summaries.sort((a, b) => (b.updateTime?.getTime() ?? 0) - (a.updateTime?.getTime() ?? 0));
  }

  async create({ id = "", title, topic = "", kind = "public", posting = "visitor" }: NewRoom): Promise<RoomSummary> {
    const request = { room: id, title, topic, kind: fromKind(kind), posting: fromRole(posting) };
    return madeRoom(await this.call(RoomService.method.createRoom, request));
  }

  /** Returns the room afterwards. */
  async update(id: string, settings: RoomSettings): Promise<WireRoom | undefined> {
    return (await this.call(RoomService.method.updateRoom, updateOf(id, settings))).room;
  }

  async delete(id: string): Promise<void> {
    await this.call(RoomService.method.deleteRoom, { room: id });
  }

  async openDirect(userIds: readonly string[]): Promise<RoomSummary> {
    return madeRoom(await this.call(RoomService.method.openDirectRoom, { userIds: [...userIds] }));
  }

  async acceptLink(token: string): Promise<string> {
    const { member } = await this.call(MemberService.method.addMember, { link: token });
    return member?.room ?? "";
  }

  async blockUser(userId: string): Promise<void> {
    await this.call(MemberService.method.blockUser, { userId });
  }

  async unblockUser(userId: string): Promise<void> {
    await this.call(MemberService.method.unblockUser, { userId });
  }

  async listBlockedUsers(): Promise<string[]> {
    return (await this.call(MemberService.method.listBlockedUsers, {})).userIds;
  }

  async updateProfile(changes: ProfileChanges): Promise<Profile> {
    const { profile } = await this.call(UserService.method.updateProfile, {
      ...(changes.displayName !== undefined && { displayName: changes.displayName }),
      ...(changes.about !== undefined && { about: changes.about }),
      ...(changes.emoji !== undefined && { emoji: changes.emoji }),
    });
    return toProfile(profile);
  }

  async getProfiles(userIds: readonly string[]): Promise<Profile[]> {
    return (await this.call(UserService.method.getProfiles, { userIds: [...userIds] })).profiles.map(toProfile);
  }

  listInvitations(): Promise<Invitation[]> {
    return allPages(async (pageToken) => {
      const page = await this.call(MemberService.method.listInvitations, { pageSize, pageToken });
      return { items: page.invitations.map(toInvitation), next: page.nextPageToken };
    });
  }
}

function toProfile(profile: WireProfile | undefined): Profile {
  if (!profile) {
    throw new ChatError("INTERNAL", "The server's answer has no profile.");
  }
  const { userId, displayName, about, emoji, updateTime } = profile;
  return { userId, displayName, about, emoji, updateTime: updateTime && timestampDate(updateTime) };
}

function madeRoom({ room }: { readonly room?: WireRoom | undefined }): RoomSummary {
  if (!room) {
    throw new ChatError("INTERNAL", "The server's answer has no room.");
  }
  return toSummary(room, undefined);
}
