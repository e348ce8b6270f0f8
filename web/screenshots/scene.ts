import { Actor } from "./actor.js";
import type { Moment } from "./shown-time.js";

/** The day in the pictures, and when they are taken, in Venice. */
const day = "2026-03-17";
export const now = Date.parse(`${day}T09:42:20+01:00`);
/** A time of that day, or of another. */
export const at = (time: string, date = day) => Date.parse(`${date}T${time}:00+01:00`);

/** Who is in the pictures, what they said, and when. */
export interface Scene {
  readonly ana: Actor;
  readonly bo: Actor;
  readonly eve: Actor;
  readonly dana: Actor;
  /** The id of the direct room of Ana and Bo. */
  readonly direct: string;
  /** What was when; the last may be added to. */
  readonly moments: Moment[];
  close(): void;
}

/** Fills a fresh server with people, rooms and what was said in them. */
export async function play(baseUrl: string): Promise<Scene> {
  const [ana, bo, eve, dana] = await Promise.all([
    Actor.enter(baseUrl, "Ana Contarini", 205),
    Actor.enter(baseUrl, "Bo Larsen", 45),
    Actor.enter(baseUrl, "Eve Moreau", 325),
    Actor.enter(baseUrl, "דנה לוי", 265),
  ]);
  const moments: Moment[] = [];
  /** Lets something happen at a time that is shown. The server's clock counts in ms, and no two share one. */
  const when = async <T>(shown: number, happen: () => Promise<T>): Promise<T> => {
    moments.push({ real: Date.now(), shown });
    const happened = await happen();
    await new Promise((resolve) => setTimeout(resolve, 3));
    return happened;
  };

  await when(at("08:00", "2026-03-12"), () => rooms(ana, bo, eve));
  await when(at("16:20", "2026-03-12"), () =>
    eve.say("design", "The new tokens are in: stone, lagoon, brick, lamplight."),
  );
  await when(at("11:02", "2026-03-15"), () => bo.say("off-topic", "Who has a spare ticket for Saturday?"));
  await when(at("17:48", "2026-03-16"), () => bo.say("release-42", "Branch is cut. Only fixes from here on."));
  await when(at("18:05", "2026-03-16"), () => ana.say("lobby", "Good night, all. The ferry waits for nobody."));
  await lobby({ ana, bo, eve, dana, when });
  const direct = await when(at("09:34"), async () => {
    const { id } = await bo.client.openDirectRoom([ana.id]);
    await bo.say(id, "The budget is 40 ms. Do you want it in the notes?");
    return id;
  });
  await when(at("09:35"), () => ana.say(direct, "Yes, please. With the picture."));
  await moderate(ana, eve, when);
  await when(at("09:36"), () => eve.say("standup", "Yesterday: drain. Today: drain again."));
  return {
    ana,
    bo,
    eve,
    dana,
    direct,
    moments,
    close: () => {
      for (const actor of [ana, bo, eve, dana]) {
        actor.close();
      }
    },
  };
}

async function rooms(ana: Actor, bo: Actor, eve: Actor): Promise<void> {
  await ana.client.createRoom({ id: "lobby", title: "Lobby", topic: "What news on the Rialto? Everybody is welcome." });
  await bo.client.createRoom({
    id: "release-42",
    title: "Release 42",
    topic: "What goes out on Thursday, and what waits",
  });
  await eve.client.createRoom({ id: "design", title: "Design" });
  await bo.client.createRoom({ id: "standup", title: "Standup" });
  await bo.client.createRoom({ id: "off-topic", title: "Off topic" });
  await bo.client.createRoom({ id: "slow", title: "Slow", topic: "Think first" });
  await bo.client.room("slow").update({ slowModeMs: 3_600_000 });
  await ana.client.createRoom({ id: "council", title: "Council", kind: "private" });
  for (const { client } of [bo, eve]) {
    await client.room("lobby").members.add();
  }
  await ana.client.room("lobby").members.setRole(bo.id, "moderator");
}

async function moderate(ana: Actor, eve: Actor, when: Talk["when"]): Promise<void> {
  const { members } = ana.client.room("lobby");
  await when(at("09:03"), () => members.ban(troll, { reason: "sells watches" }));
  await when(at("09:04"), () => members.mute(eve.id, 60_000));
  await when(at("09:05"), () => members.unmute(eve.id));
  await when(at("09:06"), () => members.createLink({ durationMs: 7 * 86_400_000 }));
}

/** Somebody who was here once. */
const troll = "guest-who-sold-watches";

interface Talk {
  readonly ana: Actor;
  readonly bo: Actor;
  readonly eve: Actor;
  readonly dana: Actor;
  readonly when: <T>(shown: number, happen: () => Promise<T>) => Promise<T>;
}

async function lobby({ ana, bo, eve, dana, when }: Talk): Promise<void> {
  const build = await when(at("09:12"), () => bo.say("lobby", "Good morning! The build is **green** again."));
  await when(at("09:13"), () =>
    bo.say(
      "lobby",
      "It was the drain: `Send` returned before its last frame.\n```go\nfor ev := range events {\n\tif err := send(ctx, ev); err != nil {\n\t\treturn err\n\t}\n}\n```",
    ),
  );
  await when(at("09:15"), () => dana.say("lobby", "בוקר טוב! אבדוק את זה אחרי הצהריים"));
  const done = await when(at("09:21"), () =>
    eve.say("lobby", "And `ctx.Done()` is closed _before_ that frame? Then ~~retry~~ resume will do."),
  );
  await when(at("09:24"), () =>
    bo.say("lobby", "It is. Two open points:\n1. the retry budget\n2. who tells support", { replyTo: done }),
  );
  await when(at("09:26"), () => eve.say("lobby", "I tell support. 🎉", { replyTo: done }));
  await when(at("09:31"), () =>
    ana.say("lobby", "@Bo Larsen please look at the budget _today_.", { mentions: [bo.id] }),
  );
  await when(at("09:32"), () => bo.client.room("lobby").addReaction(build, "🎉"));
  await when(at("09:32"), () => eve.client.room("lobby").addReaction(build, "🎉"));
  await when(at("09:33"), () => dana.client.room("lobby").addReaction(build, "☕"));
}
