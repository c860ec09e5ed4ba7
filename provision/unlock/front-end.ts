/**
 * The unlock prompt: on a console, over SSH, in a terminal. It shows what the agent tells and hands on what is typed;
 * it decides nothing, and there is no way out of it but the right passphrase or hanging up.
 */
import { printable } from '../../runtime/log.ts';
import type { AgentClient } from './agent-client.ts';
import { LineEditor } from './line-editor.ts';
import type { Event } from './protocol.ts';
import type { FrontTerminal } from './terminal.ts';

export type Outcome =
  /** It is unlocked, by this front end or by another. */
  | 'unlocked'
  /** Whoever is at the console confirmed that the camera is to be reset. */
  | 'reset'
  /** The camera is not set up yet. */
  | 'new'
  /** The terminal is gone, or the pipe ended without a right passphrase. */
  | 'ended'
  /** The agent is gone: start again. */
  | 'agent-gone';

export interface FrontEndOptions {
  readonly terminal: FrontTerminal;
  readonly agent: AgentClient;
  readonly hostName: string;
  /** Whether Ctrl-C leads away: to the shell that this was started from, never on a console or over SSH. */
  readonly canBeLeft?: boolean;
  /** Whether a reset is asked for, and this is a console whose user stands before the camera. Default: no. */
  readonly canReset?: boolean;
  /** For tests. */
  readonly setInterval?: (action: () => void, ms: number) => { stop(): void };
}

const progressMs = 1000;
/** Shorter than any passphrase may be. */
const resetWord = 'reset';
const resetText =
  `A reset is asked for by the file on the boot partition. Type ${resetWord} to erase all keys of this camera for good;\n` +
  'the passphrase leaves everything as it is.\n';

/** Asks until it is unlocked. */
export function askForPassphrase(options: FrontEndOptions): Promise<Outcome> {
  return new Promise((resolve) => {
    const front = new FrontEnd(options, resolve);
    front.start();
  });
}

class FrontEnd {
  readonly #terminal: FrontTerminal;
  readonly #agent: AgentClient;
  readonly #hostName: string;
  readonly #canBeLeft: boolean;
  readonly #canReset: boolean;
  readonly #every: NonNullable<FrontEndOptions['setInterval']>;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #editor = new LineEditor();
  /** Lines of a pipe that wait for their turn. */
  readonly #lines: string[] = [];
  #pipeEnded = false;
  #prompting = false;
  #busy = false;
  #ended = false;
  #progress: { stop(): void } | undefined;

  constructor(options: FrontEndOptions, resolve: (outcome: Outcome) => void) {
    this.#terminal = options.terminal;
    this.#agent = options.agent;
    this.#hostName = options.hostName;
    this.#canBeLeft = options.canBeLeft ?? false;
    this.#canReset = options.canReset ?? false;
    this.#every = options.setInterval ?? every;
    this.#resolve = resolve;
  }

  start(): void {
    this.#terminal.onInput((chunk) => this.#input(chunk));
    this.#terminal.onEnd(() => {
      // The last line of a pipe needs no line feed.
      if (!this.#terminal.isTerminal && !this.#pipeEnded) this.#input(Buffer.from('\n'));
      this.#pipeEnded = true;
      // A pipe that ended may still have given the right passphrase.
      if (this.#terminal.isTerminal || (!this.#busy && this.#lines.length === 0)) this.#end('ended');
    });
    this.#agent.onClose(() => this.#end('agent-gone'));
    this.#agent.onEvent((event) => this.#event(event));
  }

  #input(chunk: Buffer): void {
    if (this.#ended) return;
    // Before the prompt stands there, what comes is noise on the line or was typed blindly.
    if (this.#terminal.isTerminal && !this.#prompting && !this.#canBeLeft) return;
    for (const event of this.#editor.feed(chunk)) {
      if (event.type === 'interrupt' && this.#canBeLeft) {
        this.#terminal.write('\n');
        this.#end('ended');
      } else if (event.type !== 'line') {
        if (this.#prompting) {
          this.#terminal.write('\n');
          this.#prompt();
        }
      } else if (!this.#terminal.isTerminal) {
        if (event.text === '') continue;
        this.#lines.push(event.text);
        this.#sendNextLine();
      } else if (this.#prompting) {
        this.#terminal.write('\n');
        if (event.text === '') this.#prompt();
        else if (this.#canReset && event.text === resetWord) this.#end('reset');
        else this.#submit(event.text);
      }
    }
  }

  #sendNextLine(): void {
    if (this.#busy || !this.#prompting) return;
    const line = this.#lines.shift();
    if (line === undefined) {
      if (this.#pipeEnded) this.#end('ended');
      return;
    }
    this.#submit(line);
  }

  #submit(passphrase: string): void {
    this.#prompting = false;
    this.#busy = true;
    this.#agent.send({ type: 'passphrase', passphrase });
  }

  #event(event: Event): void {
    if (this.#ended) return;
    switch (event.type) {
      case 'state':
        if (event.state !== 'locked') this.#end(event.state === 'new' ? 'new' : 'unlocked');
        else {
          this.#say(lockedText(this.#hostName, event));
          if (this.#canReset) this.#say(resetText);
          this.#askAgain();
        }
        return;
      case 'waiting':
        this.#say(`Waiting ${seconds(event.pauseMs)} after the wrong ones …\n`);
        return;
      case 'trying':
        if (!event.you) {
          this.#aside(`A passphrase from ${event.from} is being tried.\n`);
          return;
        }
        this.#terminal.write('Trying it; that takes some seconds on purpose ');
        this.#progress = this.#every(() => this.#terminal.write('.'), progressMs);
        return;
      case 'wrong': {
        const count = `${event.wrongAttempts} wrong so far`;
        if (event.you) {
          this.#stopProgress();
          const pause = event.pauseMs > 0 ? ` The next one is tried after ${seconds(event.pauseMs)}.` : '';
          this.#say(`\nWrong passphrase (${count}).${pause}\n`);
          this.#askAgain();
        } else this.#aside(`Wrong passphrase from ${event.from} (${count}).\n`);
        return;
      }
      case 'failed':
        this.#stopProgress();
        this.#say(
          `\n${printable(event.message)} [${event.code}]\n${event.hint ? `  ${printable(event.hint)}\n` : ''}`,
        );
        this.#askAgain();
        return;
      case 'unlocked':
        this.#stopProgress();
        this.#say(
          event.you
            ? '\nUnlocked: recording starts.\n'
            : `\nUnlocked from ${event.from}: recording starts.\n`,
        );
        if (event.warning !== undefined) this.#say(`${printable(event.warning)}\n`);
        this.#end('unlocked');
        return;
      case 'report':
        return;
    }
  }

  /** A line about somebody else, between prompt and typing: what was typed stays, and the prompt comes back. */
  #aside(text: string): void {
    if (!this.#prompting) {
      this.#say(text);
      return;
    }
    this.#say(`\n${text}`);
    this.#writePrompt();
  }

  #askAgain(): void {
    this.#busy = false;
    this.#prompt();
    if (!this.#terminal.isTerminal) this.#sendNextLine();
  }

  #prompt(): void {
    this.#prompting = true;
    this.#writePrompt();
  }

  #writePrompt(): void {
    if (this.#terminal.isTerminal) this.#terminal.write('Passphrase (not shown): ');
  }

  #say(text: string): void {
    this.#terminal.write(text);
  }

  #stopProgress(): void {
    this.#progress?.stop();
    this.#progress = undefined;
  }

  #end(outcome: Outcome): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopProgress();
    this.#editor.clear();
    this.#lines.length = 0;
    this.#resolve(outcome);
  }
}

export function lockedText(
  hostName: string,
  event: Extract<Event, { type: 'state' }>,
  now = Date.now(),
): string {
  const since = new Date(now - event.forMs);
  const wrong =
    event.wrongAttempts === 0
      ? ''
      : `Wrong passphrases so far: ${event.wrongAttempts}, the last one from ${event.lastWrongFrom ?? 'somewhere'}.\n`;
  return [
    '',
    `EncroCam on ${hostName} is locked.`,
    'The config volume, with the signing key and the passwords, is closed.',
    event.recordsLocked
      ? 'It records meanwhile, to the card alone; all of it reaches the drive once the volume is opened.'
      : 'Nothing is recorded until it is opened.',
    `Locked since the start ${duration(event.forMs)} ago (${since.toISOString().slice(0, 19)}Z by this camera's clock).`,
    `${wrong}`,
  ].join('\n');
}

export function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days ${hours % 24} h`;
}

function seconds(ms: number): string {
  return `${Math.ceil(ms / 1000)} s`;
}

function every(action: () => void, ms: number): { stop(): void } {
  const timer = setInterval(action, ms);
  return { stop: () => clearInterval(timer) };
}
