import { lazy } from "react";

// What is not there from the first moment on. Each comes in a chunk of its own when it is first shown, or when the page has
// nothing else to do, so that it is there at once, also without a network.

const createRoom = () => import("../CreateRoom/CreateRoom.js");
const details = () => import("../Details/Details.js");
const emojiPicker = () => import("../EmojiPicker/EmojiPicker.js");
const invitations = () => import("../Invitations/Invitations.js");
const personDialog = () => import("../Members/PersonDialog.js");
const quickSwitcher = () => import("../QuickSwitcher/QuickSwitcher.js");
const roomSettings = () => import("../RoomSettings/RoomSettings.js");
const settings = () => import("../Settings/Settings.js");
const thread = () => import("../Thread/Thread.js");

/** Loads what the next click may need. One that does not come is asked for again when it is shown. */
export function fetchParts(): void {
  for (const part of [details, thread, quickSwitcher, settings, emojiPicker, createRoom, personDialog, roomSettings]) {
    part().catch(() => undefined);
  }
}

export const CreateRoom = lazy(() => createRoom().then((module) => ({ default: module.CreateRoom })));
export const Details = lazy(() => details().then((module) => ({ default: module.Details })));
export const EmojiPicker = lazy(() => emojiPicker().then((module) => ({ default: module.EmojiPicker })));
export const Invitations = lazy(() => invitations().then((module) => ({ default: module.Invitations })));
export const Inspector = lazy(() =>
  import("../Inspector/Inspector.js").then((module) => ({ default: module.Inspector })),
);
export const PersonDialog = lazy(() => personDialog().then((module) => ({ default: module.PersonDialog })));
export const QuickSwitcher = lazy(() => quickSwitcher().then((module) => ({ default: module.QuickSwitcher })));
export const RoomSettings = lazy(() => roomSettings().then((module) => ({ default: module.RoomSettings })));
export const Settings = lazy(() => settings().then((module) => ({ default: module.Settings })));
export const Welcome = lazy(() => import("../Welcome/Welcome.js").then((module) => ({ default: module.Welcome })));
export const Thread = lazy(() => thread().then((module) => ({ default: module.Thread })));
