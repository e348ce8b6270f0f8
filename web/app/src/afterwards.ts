import { keepShell } from "./shell-worker.js";
import { keepInSight } from "./visible-height.js";

/** Starts what nothing on the first screen waits for; in a chunk of its own. */
export function startAfterwards(): void {
  keepShell();
  keepInSight();
}
