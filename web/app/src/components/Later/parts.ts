import { lazy } from "react";

// What is not there from the first moment on. Each comes in a chunk of its own when it is first shown, or when the page has
// nothing else to do, so that it is there at once, also without a network.

const completions = () => import("../Completions/Completions.js");
const createRoom = () => import("../CreateRoom/CreateRoom.js");
const details = () => import("../Details/Details.js");
const emojiDialog = () => import("../EmojiPicker/EmojiDialog.js");
const emojiPopover = () => import("../EmojiPicker/EmojiPopover.js");
const emojiPicker = () => import("../EmojiPicker/EmojiPicker.js");
const invitations = () => import("../Invitations/Invitations.js");
const invitePeople = () => import("../InvitePeople/InvitePeople.js");
const joinByLink = () => import("../JoinByLink/JoinByLink.js");
const moderation = () => import("../Moderation/Moderation.js");
const nowhere = () => import("../Nowhere/Nowhere.js");
const messageEditor = () => import("../Message/MessageEditor.js");
const messageToolbar = () => import("../MessageToolbar/MessageToolbar.js");
const personDialog = () => import("../Members/PersonDialog.js");
const quickSwitcher = () => import("../QuickSwitcher/QuickSwitcher.js");
const refused = () => import("../Refused/Refused.js");
const roomSettings = () => import("../RoomSettings/RoomSettings.js");
const settings = () => import("../Settings/Settings.js");
const thread = () => import("../Thread/Thread.js");

/** Loads what the next click may need. One that does not come is asked for again when it is shown. */
export function fetchParts(): void {
  const parts = [
    messageToolbar,
    messageEditor,
    completions,
    details,
    thread,
    quickSwitcher,
    settings,
    emojiPicker,
    createRoom,
    personDialog,
    roomSettings,
    moderation,
  ];
  for (const part of parts) {
    part().catch(() => undefined);
  }
}

export const Completions = lazy(() => completions().then((module) => ({ default: module.Completions })));
export const CreateRoom = lazy(() => createRoom().then((module) => ({ default: module.CreateRoom })));
export const Details = lazy(() => details().then((module) => ({ default: module.Details })));
export const EmojiDialog = lazy(() => emojiDialog().then((module) => ({ default: module.EmojiDialog })));
export const EmojiPopover = lazy(() => emojiPopover().then((module) => ({ default: module.EmojiPopover })));
export const EmojiPicker = lazy(() => emojiPicker().then((module) => ({ default: module.EmojiPicker })));
export const Invitations = lazy(() => invitations().then((module) => ({ default: module.Invitations })));
export const Inspector = lazy(() =>
  import("../Inspector/Inspector.js").then((module) => ({ default: module.Inspector })),
);
export const InvitePeople = lazy(() => invitePeople().then((module) => ({ default: module.InvitePeople })));
export const JoinByLink = lazy(() => joinByLink().then((module) => ({ default: module.JoinByLink })));
export const Moderation = lazy(() => moderation().then((module) => ({ default: module.Moderation })));
export const Nowhere = lazy(() => nowhere().then((module) => ({ default: module.Nowhere })));
export const MessageEditor = lazy(() => messageEditor().then((module) => ({ default: module.MessageEditor })));
export const MessageToolbar = lazy(() => messageToolbar().then((module) => ({ default: module.MessageToolbar })));
export const PersonDialog = lazy(() => personDialog().then((module) => ({ default: module.PersonDialog })));
export const QuickSwitcher = lazy(() => quickSwitcher().then((module) => ({ default: module.QuickSwitcher })));
export const Refused = lazy(() => refused().then((module) => ({ default: module.Refused })));
export const RoomSettings = lazy(() => roomSettings().then((module) => ({ default: module.RoomSettings })));
export const Settings = lazy(() => settings().then((module) => ({ default: module.Settings })));
export const Welcome = lazy(() => import("../Welcome/Welcome.js").then((module) => ({ default: module.Welcome })));
export const Thread = lazy(() => thread().then((module) => ({ default: module.Thread })));
