import { expect, test } from "vitest";
import { parseRoute, routePath } from "./route.js";

test.each([
  ["/", { page: "rooms" }],
  ["/r/lobby", { page: "room", room: "lobby" }],
  ["/r/release-1.2/", { page: "room", room: "release-1.2" }],
  ["/r/lobby/42", { page: "room", room: "lobby", seq: 42 }],
  ["/r/lobby/042", { page: "unknown" }],
  ["/r/a%2Fb", { page: "room", room: "a/b" }],
  ["/r/%E0%A4", { page: "unknown" }],
  ["/r/", { page: "unknown" }],
  ["/r/a/b", { page: "unknown" }],
  ["/x", { page: "unknown" }],
])("%s is %j", (path, route) => {
  expect(parseRoute(path)).toEqual(route);
});

test("a room's path leads to it, whatever its id", () => {
  for (const room of ["lobby", "a/b", "a?b#c", "ü 😀", "..%"]) {
    expect(parseRoute(routePath({ page: "room", room }))).toEqual({ page: "room", room });
    expect(parseRoute(routePath({ page: "room", room, seq: 7 }))).toEqual({ page: "room", room, seq: 7 });
  }
});
