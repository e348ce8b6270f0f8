var e=Object.entries({Faces:`😀 grinning happy smile
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
💀 skull dead`,Gestures:`👍 thumbs up yes good like
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
💥 boom`,Things:`🎉 tada party celebrate
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
🏠 house home`,Signs:`✅ check done yes
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
🏁 finish flag`}).map(([e,t])=>({name:e,emojis:t.split(`
`).map(e=>{let t=e.indexOf(` `);return{emoji:e.slice(0,t),words:e.slice(t+1)}})}));function t(t,n){let r=t.trim().toLowerCase(),i=e.flatMap(e=>e.emojis),a=i.filter(({words:e})=>e.startsWith(r)),o=i.filter(e=>!a.includes(e)&&e.words.includes(` ${r}`));return[...a,...o].slice(0,n)}export{e as emojiGroups,t as findEmojis};