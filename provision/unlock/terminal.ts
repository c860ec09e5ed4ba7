/**
 * The terminal of a front end. The first thing done to it is to switch the echo off: what was typed before the
 * prompt must not be shown, as it may well be the passphrase.
 */
import type { ReadStream } from 'node:tty';

export interface FrontTerminal {
  /** A person types here; otherwise lines come from a pipe. */
  readonly isTerminal: boolean;
  write(text: string): void;
  /** Bytes as they are typed. */
  onInput(listener: (chunk: Buffer) => void): void;
  /** The line hung up, the pipe ended, or somebody ended this process. */
  onEnd(listener: () => void): void;
  restore(): void;
}

const endingSignals = ['SIGHUP', 'SIGTERM'] as const;
/** From the keyboard they do not come in raw mode; from elsewhere they end nothing. */
const ignoredSignals = ['SIGINT', 'SIGQUIT', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU'] as const;

export function openTerminal(
  input: ReadStream | NodeJS.ReadStream = process.stdin,
  output: NodeJS.WriteStream = process.stdout,
): FrontTerminal {
  const isTerminal = input.isTTY === true;
  let listener: (chunk: Buffer) => void = () => undefined;
  if (isTerminal) {
    (input as ReadStream).setRawMode(true);
    // Read from now on, so that what was typed too early is not taken for an answer to what is asked later.
    input.on('data', (chunk: Buffer) => listener(chunk));
  }
  for (const signal of ignoredSignals) process.on(signal, () => undefined);
  let isGone = false;
  // A terminal that went away is noticed on the input; writing to it until then must not end in a crash.
  output.on('error', () => undefined);
  return {
    isTerminal,
    write(text) {
      // In raw mode the terminal does not turn a line feed into a new line at its beginning.
      if (!isGone) output.write(isTerminal ? text.replaceAll(/\r?\n/g, '\r\n') : text);
    },
    onInput(next) {
      if (isTerminal) listener = next;
      else input.on('data', next);
    },
    onEnd(next) {
      const end = (): void => {
        // A pipe ends with its last line; what comes of that is still to be told.
        isGone = isTerminal;
        next();
      };
      input.once('end', end);
      input.once('close', end);
      input.once('error', end);
      for (const signal of endingSignals) process.once(signal, end);
    },
    restore() {
      input.pause();
      if (isTerminal && !isGone) (input as ReadStream).setRawMode(false);
    },
  };
}
