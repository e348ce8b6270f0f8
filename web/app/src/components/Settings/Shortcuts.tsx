const control = /Mac|iP(?:hone|ad)/.test(navigator.platform) ? "⌘" : "Ctrl";

const shortcuts: readonly (readonly [string, string])[] = [
  [`${control} K`, "go to a room"],
  ["↑", "in an empty field: edit what one said last"],
  ["↑ ↓ Home End", "on a message: go to another one"],
  ["r", "on a message: reply"],
  ["t", "on a message: its replies"],
  ["+", "on a message: react"],
  ["l", "on a message: copy its address"],
  ["e", "on one’s own: edit"],
  ["Delete", "on one’s own, as a moderator on any: delete"],
  ["Esc", "leave what is open"],
];

/** What the keyboard can do. */
export function Shortcuts() {
  return (
    <details className="shortcuts">
      <summary>Keyboard</summary>
      <dl>
        {shortcuts.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
