import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const columns = 88;
const lines = 24;

/** `rialto chat` in a terminal, by tmux. */
export class Terminal {
  private readonly home = mkdtempSync(join(tmpdir(), "rialto-terminal-"));

  /** Starts the program with these arguments. Throws, with what to do, where there is no tmux. */
  constructor(binary: string, args: readonly string[]) {
    const command = ["env", `HOME=${this.home}`, `XDG_CONFIG_HOME=${this.home}`, "TZ=Europe/Rome", binary, ...args];
    try {
      this.tmux("-f", "/dev/null", "new-session", "-d", "-x", `${columns}`, "-y", `${lines}`, ...command);
    } catch (error) {
      throw new Error("the picture of the terminal needs tmux: apt-get install tmux", { cause: error });
    }
    this.tmux("set-option", "-g", "status", "off");
  }

  /** Presses keys: a text as it is, or tmux's names of keys, such as Enter. */
  press(...keys: readonly string[]): void {
    this.tmux("send-keys", ...keys);
  }

  /** What is on the screen, with the codes of its colours. */
  get screen(): string {
    return this.tmux("capture-pane", "-p", "-e");
  }

  /** Resolves once the screen shows a text. */
  async shows(text: string): Promise<void> {
    for (let tries = 0; !this.screen.includes(text); tries++) {
      if (tries > 200) {
        throw new Error(`the terminal does not show ${JSON.stringify(text)}:\n${this.screen}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  close(): void {
    try {
      this.tmux("kill-server");
    } catch {
      // It ended by itself.
    }
    rmSync(this.home, { recursive: true, force: true });
  }

  private tmux(...args: readonly string[]): string {
    // A server of its own, which knows nothing of other sessions.
    return execFileSync("tmux", ["-S", join(this.home, "tmux"), ...args], { encoding: "utf8" });
  }
}

/** The colours of a terminal by number, dark first; those from 16 on are mixed. */
const palette = [
  "#1b2224",
  "#ff8f80",
  "#7fd49b",
  "#f0c76b",
  "#82aaff",
  "#d7a6e8",
  "#64cdc4",
  "#d3dadb",
  "#7d898d",
  "#ffb3a8",
  "#a4e6ba",
  "#ffe1a3",
  "#a9c4ff",
  "#e7c7f2",
  "#9be6df",
  "#ffffff",
];

interface Style {
  bold?: boolean;
  faint?: boolean;
  reverse?: boolean;
  color?: string | undefined;
  ground?: string | undefined;
}

/** Writes a screen as HTML, for a `pre`. */
export function screenHtml(screen: string): string {
  let style: Style = {};
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the codes of terminals.
  return screen.split(/(\u001b\[[\d;]*m)/).reduce((html, part) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
    const codes = part.match(/^\u001b\[([\d;]*)m$/)?.[1];
    if (codes !== undefined) {
      style = restyled(style, codes === "" ? [0] : codes.split(";").map(Number));
      return html;
    }
    return part === "" ? html : `${html}<span style="${css(style)}">${escaped(part)}</span>`;
  }, "");
}

function restyled(before: Style, codes: readonly number[]): Style {
  const style = { ...before };
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 0) {
      for (const key of Object.keys(style) as (keyof Style)[]) {
        delete style[key];
      }
    } else if (code === 1 || code === 2) {
      style[code === 1 ? "bold" : "faint"] = true;
    } else if (code === 7) {
      style.reverse = true;
    } else if (code === 38 || code === 48) {
      const direct = codes[i + 1] === 2;
      const color = direct ? `rgb(${codes.slice(i + 2, i + 5).join(" ")})` : palette256(codes[i + 2] ?? 0);
      style[code === 38 ? "color" : "ground"] = color;
      i += direct ? 4 : 2;
    } else if (code === 39 || code === 49) {
      style[code === 39 ? "color" : "ground"] = undefined;
    } else if ((code >= 30 && code < 38) || (code >= 90 && code < 98)) {
      style.color = palette[code < 90 ? code - 30 : code - 82];
    } else if ((code >= 40 && code < 48) || (code >= 100 && code < 108)) {
      style.ground = palette[code < 100 ? code - 40 : code - 92];
    }
  }
  return style;
}

function palette256(n: number): string {
  if (n < 16) {
    return palette[n] ?? "";
  }
  if (n >= 232) {
    const grey = 8 + (n - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const level = (part: number) => (part === 0 ? 0 : 55 + part * 40);
  return `rgb(${level(Math.floor((n - 16) / 36))} ${level(Math.floor((n - 16) / 6) % 6)} ${level((n - 16) % 6)})`;
}

function css({ bold, faint, reverse, color = "#d3dadb", ground = "transparent" }: Style): string {
  const [front, back] = reverse ? [ground === "transparent" ? "#0e1214" : ground, color] : [color, ground];
  return `color:${front};background:${back};${bold ? "font-weight:700;" : ""}${faint ? "opacity:.6;" : ""}`;
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}
