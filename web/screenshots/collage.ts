import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";

/** Something in a picture of several: a picture or HTML, in a frame like a window's. */
export interface Piece {
  /** A PNG, or HTML. */
  readonly content: Buffer | string;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly dark?: boolean;
  /** Whether it has a bar with three dots, as windows have. */
  readonly bar?: boolean;
}

/** Puts pieces together on a ground, the later over the earlier, and writes the picture to a path from the repository's root. */
export async function collage(
  browser: Browser,
  path: string,
  size: { readonly width: number; readonly height: number },
  pieces: readonly Piece[],
): Promise<void> {
  const page = await browser.newPage({ viewport: size, deviceScaleFactor: 1.25 });
  await page.setContent(`<style>${style}</style>${pieces.map(pieceHtml).join("")}`);
  await page.evaluate(() => Promise.all([...document.images].map((image) => image.decode())));
  await page.screenshot({ path: fileURLToPath(new URL(`../../${path}`, import.meta.url)) });
  await page.close();
}

function pieceHtml({ content, left, top, width, height, dark = false, bar = true }: Piece): string {
  const inner =
    typeof content === "string"
      ? content
      : `<img src="data:image/png;base64,${content.toString("base64")}" width="${width}" height="${height}">`;
  const dots = bar ? "<header><i></i><i></i><i></i></header>" : "";
  const place = `left:${left}px;top:${top}px;width:${width}px;height:${height + (bar ? 22 : 0)}px`;
  return `<section class="${dark ? "dark" : ""}" style="${place}">${dots}${inner}</section>`;
}

const style = `
body { margin: 0; background: #cfdedb; }
section { position: absolute; overflow: hidden; border-radius: 10px; background: #fff; box-shadow: 0 0 0 1px rgb(20 30 30 / .12), 0 3px 8px rgb(20 30 30 / .22); }
section.dark { background: #0e1214; }
header { display: flex; gap: 7px; align-items: center; height: 22px; padding: 0 12px; background: #e4e1da; }
.dark header { background: #22292c; }
i { width: 9px; height: 9px; border-radius: 50%; background: #b5b1a8; }
.dark i { background: #4c565a; }
img { display: block; }
pre { margin: 0; padding: 8px 14px; font: 13px/17px "DejaVu Sans Mono", monospace; }`;
