/** Shows codes in a terminal, one after the other, over its whole size. */
import type { ReadStream, WriteStream } from 'node:tty';
import { codeMs } from './page.ts';
import { codeModules, type Modules } from './picture.ts';

/** Light modules around a code. The standard asks for four; scanners do with two, and lines are scarce. */
const border = 2;
/** White and black by their numbers among 256: the eight colours of a terminal are whatever its theme says. */
const light = '\u001b[48;5;231m\u001b[38;5;16m';
const plain = '\u001b[0m';
const alternateScreen = { enter: '\u001b[?1049h\u001b[?25l', leave: '\u001b[?25h\u001b[?1049l' };

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** What a terminal needs for these codes, with a line below them. */
export function neededSize(codes: readonly string[]): ScreenSize {
  const side = Math.max(...codes.map((code) => codeModules(code, border).length));
  return { columns: side, rows: Math.ceil(side / 2) + 1 };
}

/** The whole screen: white, the code in the middle as half blocks, a line below. */
export function drawScreen(code: string, status: string, { columns, rows }: ScreenSize): string {
  const modules = codeModules(code, border);
  const lines = halfBlocks(modules);
  const top = Math.max(Math.floor((rows - 1 - lines.length) / 2), 0);
  const left = ' '.repeat(Math.max(Math.floor((columns - modules.length) / 2), 0));
  const blank = ' '.repeat(columns);
  const drawn = Array.from({ length: rows - 1 }, (_, row) => {
    const line = lines[row - top];
    return light + (line === undefined ? blank : (left + line).padEnd(columns)) + plain;
  });
  // Without a line feed at the end, which would scroll the first line away.
  return `\u001b[H${[...drawn, light + status.slice(0, columns - 1).padEnd(columns - 1) + plain].join('\r\n')}`;
}

/** Two modules above each other in one character. Dark ones are drawn, on a light ground. */
function halfBlocks(modules: Modules): string[] {
  const lines: string[] = [];
  for (let row = 0; row < modules.length; row += 2) {
    const [upper = [], lower] = [modules[row], modules[row + 1]];
    lines.push(upper.map((dark, column) => block(dark, lower?.[column] ?? false)).join(''));
  }
  return lines;
}

function block(upper: boolean, lower: boolean): string {
  if (upper) return lower ? '█' : '▀';
  return lower ? '▄' : ' ';
}

export interface ShowOptions {
  readonly input: ReadStream;
  readonly output: WriteStream;
  /** After this time the codes are no longer taken, and not shown either. */
  readonly lastMs: number;
}

/**
 * Shows the codes until a key ends it, or the time is over; then the terminal is as it was, without them.
 * @returns why it ended.
 */
export function showCodes(codes: readonly string[], options: ShowOptions): Promise<'ended' | 'too old'> {
  const { input, output, lastMs } = options;
  const needed = neededSize(codes);
  let now = 0;
  let isPaused = false;
  const draw = (): void => {
    const size = { columns: output.columns, rows: output.rows };
    if (size.columns < needed.columns || size.rows < needed.rows) {
      output.write(`\u001b[2J\u001b[H${tooSmall(needed, size)}`);
      return;
    }
    const state = isPaused ? ', paused' : '';
    const status = ` Code ${now + 1} of ${codes.length}${state}. Space: pause, arrows: one by one, q: end.`;
    output.write(drawScreen(codes[now] ?? '', status, size));
  };
  const step = (by: number): void => {
    now = (now + by + codes.length) % codes.length;
    draw();
  };
  return new Promise((resolve) => {
    const end = (why: 'ended' | 'too old'): void => {
      clearInterval(timer);
      clearTimeout(deadline);
      output.off('resize', draw);
      input.off('data', type).off('end', hangUp);
      for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.off(signal, hangUp);
      input.setRawMode(false);
      input.pause();
      output.write(alternateScreen.leave);
      resolve(why);
    };
    const hangUp = (): void => end('ended');
    const type = (chunk: Buffer): void => {
      const key = chunk.toString('latin1');
      if (['q', 'Q', '\r', '\n', '\u0003', '\u0004', '\u001b'].includes(key)) {
        end('ended');
        return;
      }
      if (key === ' ') isPaused = !isPaused;
      const arrow = key === '\u001b[D' ? -1 : key === '\u001b[C' ? 1 : 0;
      if (arrow !== 0) isPaused = true;
      step(arrow);
    };
    const timer = setInterval(() => {
      if (!isPaused) step(1);
    }, codeMs);
    const deadline = setTimeout(() => end('too old'), Math.max(lastMs - Date.now(), 0));
    output.write(alternateScreen.enter);
    input.setRawMode(true);
    input.on('data', type).on('end', hangUp).resume();
    output.on('resize', draw);
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, hangUp);
    draw();
  });
}

export function tooSmall(needed: ScreenSize, size: ScreenSize): string {
  return `The codes need ${needed.columns} columns and ${needed.rows} lines; here are ${size.columns} and ${size.rows}. Enlarge the window, take a smaller font, or use --browser.`;
}
