/** An emoji and the words by which it is found; the first is its name. */
export interface Emoji {
  readonly emoji: string;
  readonly words: string;
}

/** Emojis to choose from, those used most first within each group. One line each: the emoji, then its words. */
const table: Readonly<Record<string, string>> = {
  Faces: `😀 grinning happy smile
😄 smile laugh happy
😁 beaming grin
😅 sweat relief laugh
😂 joy laugh tears lol
🤣 rolling laugh rofl
🙂 slight smile
😉 wink
😊 blush happy
😍 heart eyes love
😘 kiss
😋 yum tasty
😎 cool sunglasses
🤓 nerd glasses
🤔 thinking hmm
🤨 eyebrow doubt
😐 neutral
🙄 eye roll
😏 smirk
😮 open mouth wow surprise
😴 sleeping tired
😢 cry sad tear
😭 sob cry
😤 huff proud
😡 angry mad
🤯 mind blown
😱 scream fear
😬 grimace
🤗 hug
🤫 shush quiet
🫡 salute yes
😇 halo innocent
🤝 handshake deal
🥳 party celebrate
🥲 smiling tear
🤒 ill sick thermometer
🙈 see no evil monkey
💀 skull dead`,
  Gestures: `👍 thumbs up yes good like
👎 thumbs down no bad
👌 ok fine
✌️ victory peace
🤞 fingers crossed luck
👏 clap applause
🙌 raised hands hooray
🙏 thanks please pray
💪 strong muscle
👋 wave hello bye
👉 point right
👇 point down
☝️ point up one
✊ fist
🤷 shrug
🤦 facepalm
👀 eyes look
❤️ heart love red
🧡 heart orange
💚 heart green
💙 heart blue
💔 broken heart
💯 hundred full
🔥 fire hot
✨ sparkles new
⭐ star
💥 boom`,
  Things: `🎉 tada party celebrate
🎂 cake birthday
🎁 gift present
🏆 trophy win
🥇 medal gold first
🚀 rocket ship launch
🛠️ tools fix
🔧 wrench fix
🐛 bug
🧪 test tube experiment
💡 idea bulb
📌 pin
📎 paperclip attach
📝 memo note write
📅 calendar date
📈 chart up growth
📉 chart down
💻 laptop computer
📱 phone mobile
🔒 lock closed
🔑 key
⏰ alarm clock
⌛ hourglass wait
☕ coffee tea
🍕 pizza
🍺 beer
🍎 apple
🌍 earth world
🌧️ rain
☀️ sun
🌈 rainbow
🌊 wave sea
🌱 seedling plant
🐱 cat
🐶 dog
🦄 unicorn
🎵 music note
⚽ football soccer
🚲 bicycle bike
🚆 train
✈️ plane flight
🏠 house home`,
  Signs: `✅ check done yes
❌ cross no
⚠️ warning
❓ question
❗ exclamation
➕ plus
➡️ right arrow
⬆️ up arrow
⬇️ down arrow
🔁 repeat
🆗 ok
🆕 new
🚫 forbidden no
🟢 green circle
🟡 yellow circle
🔴 red circle
💤 zzz sleep
💬 speech talk
🔔 bell
🔕 bell off mute
🏳️ white flag
🏁 finish flag`,
};

/** The emojis by group. */
export const emojiGroups: readonly { readonly name: string; readonly emojis: readonly Emoji[] }[] = Object.entries(
  table,
).map(([name, lines]) => ({
  name,
  emojis: lines.split("\n").map((line) => {
    const space = line.indexOf(" ");
    return { emoji: line.slice(0, space), words: line.slice(space + 1) };
  }),
}));

/** Finds emojis by the beginnings of their words, those whose name begins so first. */
export function findEmojis(query: string, most: number): Emoji[] {
  const wanted = query.trim().toLowerCase();
  const all = emojiGroups.flatMap((group) => group.emojis);
  const named = all.filter(({ words }) => words.startsWith(wanted));
  const others = all.filter((emoji) => !named.includes(emoji) && emoji.words.includes(` ${wanted}`));
  return [...named, ...others].slice(0, most);
}
