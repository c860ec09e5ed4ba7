/** Lines on standard error, and below them, on a terminal, one that is written over and over: the progress. */
import { localTime, printable } from '../log.ts';

export interface Screen {
  /** A line that stays. */
  line(text: string): void;
  /** The progress, if it is time for it again. */
  progress(state: ProgressState): void;
  /** Takes the progress away. */
  end(): void;
}

export interface ProgressState {
  readonly bytesRead: number;
  /** `undefined` for what has no known size. */
  readonly bytesTotal: number | undefined;
  /** The minute reached. */
  readonly timeMs: number | undefined;
}

export interface ScreenOptions {
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
  readonly now: () => number;
}

const intervalMs = 200;

export function createScreen(options: ScreenOptions): Screen {
  const { write, isTerminal, now } = options;
  const startMs = now();
  let lastMs = startMs;
  let shown = false;
  const clear = (): void => {
    if (shown) write('\r\u001b[K');
    shown = false;
  };
  return {
    line(text) {
      clear();
      write(`encrocam: ${printable(text)}\n`);
    },
    progress(state) {
      const nowMs = now();
      if (!isTerminal || nowMs - lastMs < intervalMs) return;
      lastMs = nowMs;
      write(`\r\u001b[K${progressText(state, nowMs - startMs)}`);
      shown = true;
    },
    end: clear,
  };
}

/** `12.3 of 260.0 MB, 81.2 MB/s, at 2026-11-22 13:37 +01:00` */
export function progressText(state: ProgressState, elapsedMs: number): string {
  const { bytesRead, bytesTotal, timeMs } = state;
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  const total = bytesTotal === undefined ? '' : ` of ${megabytes(bytesTotal)}`;
  const rate = megabytes((bytesRead / Math.max(elapsedMs, 1)) * 1000);
  const time = timeMs === undefined ? '' : `, at ${minuteText(timeMs)}`;
  return `${megabytes(bytesRead)}${total} MB, ${rate} MB/s${time}`;
}

/** `2026-11-22 13:37 +01:00`: local time to the minute. */
export function minuteText(timeMs: number): string {
  const text = localTime(new Date(timeMs));
  return `${text.slice(0, 16)}${text.slice(23)}`;
}

/** `2026-11-22 13:37:05 +01:00`: local time to the second. */
export function secondText(timeMs: number): string {
  const text = localTime(new Date(timeMs));
  return `${text.slice(0, 19)}${text.slice(23)}`;
}

/** The screen of this process. */
export function processScreen(): Screen {
  return createScreen({
    write: (text) => void process.stderr.write(text),
    isTerminal: process.stderr.isTTY === true,
    now: () => performance.now(),
  });
}
