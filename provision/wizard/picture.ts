/** Draws a small picture on a terminal: two pixels above each other in one character. Pure. */
import type { ColorDepth } from './dialogue/dialogue.ts';
import { block } from './qr.ts';

export interface Picture {
  readonly width: number;
  /** Even. */
  readonly height: number;
  /** Red, green, blue, one byte each, row by row. */
  readonly rgb: Uint8Array;
}

type Color = readonly [red: number, green: number, blue: number];

/** Size in pixels of a picture of that shape that fits into so many characters. */
export function fitPicture(
  source: { readonly width: number; readonly height: number },
  columns: number,
  rows: number,
): { width: number; height: number } {
  const scale = Math.min(columns / source.width, (2 * rows) / source.height);
  const width = Math.max(2, Math.floor(source.width * scale));
  const height = Math.max(2, 2 * Math.round((source.height * scale) / 2));
  return { width, height };
}

export function drawPicture(picture: Picture, colors: ColorDepth): string {
  return colors === 'none' ? drawDithered(picture) : drawColored(picture, colors);
}

function drawColored(picture: Picture, colors: Exclude<ColorDepth, 'none'>): string {
  const code = colors === 'true' ? trueColor : cubeColor;
  const lines: string[] = [];
  for (let y = 0; y + 1 < picture.height; y += 2) {
    let line = '';
    let before = '';
    for (let x = 0; x < picture.width; x++) {
      const style = `\u001b[38;${code(pixel(picture, x, y))};48;${code(pixel(picture, x, y + 1))}m`;
      // Serial lines are slow: neighbours of one colour share it.
      line += style === before ? '▀' : `${style}▀`;
      before = style;
    }
    lines.push(`${line}\u001b[0m`);
  }
  return lines.join('\n');
}

function trueColor([red, green, blue]: Color): string {
  return `2;${red};${green};${blue}`;
}

/** The nearest of the 6 × 6 × 6 colours that every terminal with 256 has. */
function cubeColor([red, green, blue]: Color): string {
  const level = (value: number): number =>
    value < 48 ? 0 : value < 115 ? 1 : Math.min(5, Math.floor((value - 35) / 40));
  return `5;${16 + 36 * level(red) + 6 * level(green) + level(blue)}`;
}

/** Black and white: each pixel's error is handed on to its neighbours (Floyd and Steinberg). */
function drawDithered(picture: Picture): string {
  const { width, height } = picture;
  const light: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [red, green, blue] = pixel(picture, x, y);
      light.push(0.2126 * red + 0.7152 * green + 0.0722 * blue);
    }
  }
  const hand = (x: number, y: number, error: number): void => {
    if (x >= 0 && x < width && y < height) light[y * width + x] = (light[y * width + x] ?? 0) + error;
  };
  const drawn: boolean[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = light[y * width + x] ?? 0;
      const on = value >= 128;
      drawn.push(on);
      const error = value - (on ? 255 : 0);
      hand(x + 1, y, (error * 7) / 16);
      hand(x - 1, y + 1, (error * 3) / 16);
      hand(x, y + 1, (error * 5) / 16);
      hand(x + 1, y + 1, error / 16);
    }
  }
  const lines: string[] = [];
  for (let y = 0; y < height; y += 2) {
    let line = '';
    for (let x = 0; x < width; x++) {
      line += block(drawn[y * width + x] ?? false, drawn[(y + 1) * width + x] ?? false);
    }
    lines.push(line);
  }
  return lines.join('\n');
}

function pixel({ width, rgb }: Picture, x: number, y: number): Color {
  const at = 3 * (y * width + x);
  return [rgb[at] ?? 0, rgb[at + 1] ?? 0, rgb[at + 2] ?? 0];
}
