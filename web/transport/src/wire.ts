// For tools that show the wire, beside the option `onFrame`; an entry of its own, so that no other page loads it.

export { Flag, FrameType } from "./frame.js";
export { type FrameContent, readFrame, type WireFrame, type WireWindows } from "./wire-tap.js";
