/**
 * Keeps a textarea and a Y.Text the same. What is typed becomes one deletion and one insertion, found by what is alike before and
 * after it; what others change moves the caret along with the text around it.
 */
export function bind(textarea, text) {
  textarea.value = text.toString();

  textarea.addEventListener("input", () => {
    const before = text.toString();
    const after = textarea.value;
    const most = Math.min(before.length, after.length);
    let start = 0;
    while (start < most && before[start] === after[start]) start++;
    if (isHighSurrogate(before, start - 1)) start--; // never between the halves of an emoji
    let end = 0;
    while (end < most - start && before.at(-1 - end) === after.at(-1 - end)) end++;
    if (isHighSurrogate(before, before.length - end - 1) || isHighSurrogate(after, after.length - end - 1)) end--;
    text.doc.transact(() => {
      text.delete(start, before.length - end - start);
      text.insert(start, after.slice(start, after.length - end));
    });
  });

  text.observe((event, transaction) => {
    if (transaction.local) return;
    const moved = [textarea.selectionStart, textarea.selectionEnd].map((caret) => moveCaret(caret, event.delta));
    textarea.value = text.toString();
    textarea.setSelectionRange(...moved);
  });
}

function isHighSurrogate(string, index) {
  const unit = string.charCodeAt(index);
  return unit >= 0xd800 && unit < 0xdc00;
}

function moveCaret(caret, delta) {
  let at = 0;
  for (const { retain = 0, insert = "", delete: gone = 0 } of delta) {
    at += retain;
    if (at > caret) break;
    caret = Math.max(caret + insert.length - gone, at);
    at += insert.length;
  }
  return caret;
}
