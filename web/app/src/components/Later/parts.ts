import { lazy } from "react";

// What is not there from the first moment on. Each comes in a chunk of its own when it is first shown.

export const CreateRoom = lazy(() =>
  import("../CreateRoom/CreateRoom.js").then((module) => ({ default: module.CreateRoom })),
);
export const EmojiPicker = lazy(() =>
  import("../EmojiPicker/EmojiPicker.js").then((module) => ({ default: module.EmojiPicker })),
);
export const Inspector = lazy(() =>
  import("../Inspector/Inspector.js").then((module) => ({ default: module.Inspector })),
);
export const PersonDialog = lazy(() =>
  import("../Members/PersonDialog.js").then((module) => ({ default: module.PersonDialog })),
);
export const QuickSwitcher = lazy(() =>
  import("../QuickSwitcher/QuickSwitcher.js").then((module) => ({ default: module.QuickSwitcher })),
);
export const RoomSettings = lazy(() =>
  import("../RoomSettings/RoomSettings.js").then((module) => ({ default: module.RoomSettings })),
);
export const Settings = lazy(() => import("../Settings/Settings.js").then((module) => ({ default: module.Settings })));
export const Thread = lazy(() => import("../Thread/Thread.js").then((module) => ({ default: module.Thread })));
