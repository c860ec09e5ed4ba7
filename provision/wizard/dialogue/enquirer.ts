/**
 * The dialogue with a person on a terminal: serial line, screen or SSH alike. Knows nothing of cameras.
 */
import { Back, Cancelled, Stopped } from '../signals.ts';
import type {
  AskOptions,
  ChooseOptions,
  ColorDepth,
  ConfirmOptions,
  Dialogue,
  PasteOptions,
  SearchOptions,
  SecretOptions,
  Work,
  WorkOptions,
} from './dialogue.ts';
import { wrap } from './layout.ts';
import { Interrupted, loadEnquirer, type PromptKind, runPrompt } from './prompts.ts';
import type { Terminal } from './terminal.ts';

/** Lines of a screen that a list leaves for the question and what stands above it. */
const linesBesideList = 6;
const leastListLines = 4;
const searchLines = 8;
/** An armored key with many certifications stays below. */
const maxPastedCharacters = 256 * 1024;
const tickMs = 1000;

export class EnquirerDialogue implements Dialogue {
  readonly colors: ColorDepth;
  readonly #terminal: Terminal;
  readonly #enquirer: Awaited<ReturnType<typeof loadEnquirer>>;

  private constructor(
    terminal: Terminal,
    colors: ColorDepth,
    enquirer: Awaited<ReturnType<typeof loadEnquirer>>,
  ) {
    this.#terminal = terminal;
    this.#enquirer = enquirer;
    this.colors = colors;
  }

  static async on(terminal: Terminal, colors: ColorDepth): Promise<EnquirerDialogue> {
    return new EnquirerDialogue(terminal, colors, await loadEnquirer(colors));
  }

  get columns(): number {
    return this.#terminal.columns;
  }

  get rows(): number {
    return this.#terminal.rows;
  }

  say(text: string): void {
    this.#terminal.write(`${wrap(text, this.columns)}\n`);
  }

  show(lines: string): void {
    this.#terminal.write(`${lines}\n`);
  }

  clear(): void {
    // The scrollback last: some terminals push the screen that is cleared into it.
    this.#terminal.write('\u001b[2J\u001b[3J\u001b[H');
  }

  async ask({ message, initial = '', validate }: AskOptions): Promise<string> {
    const chosen = (typed: string): string => typed.trim() || initial;
    const value = await this.#prompt('Input', {
      message: initial === '' ? message : `${message} [${initial}]`,
      // enquirer's own drawing puts a second cursor behind the text.
      format(this: { state: { submitted: boolean } }, typed: string | undefined) {
        return this.state.submitted ? chosen(typed ?? '') : (typed ?? '');
      },
      validate: async (typed: string) => (await validate?.(chosen(typed ?? ''))) ?? true,
    });
    return chosen(String(value ?? ''));
  }

  async askSecret({ message, validate }: SecretOptions): Promise<string> {
    const value = await this.#prompt('Password', {
      message,
      validate: async (typed: string) => (await validate?.(typed ?? '')) ?? true,
    });
    return String(value ?? '');
  }

  async confirm({ message, initial }: ConfirmOptions): Promise<boolean> {
    const answer = await this.ask({
      message: `${message} (y/n)`,
      initial: initial ? 'y' : 'n',
      validate: (typed) => (/^(?:y|yes|n|no)$/i.test(typed) ? undefined : 'Type y for yes or n for no.'),
    });
    return /^y/i.test(answer);
  }

  async choose<T extends string>({ message, choices, initial }: ChooseOptions<T>): Promise<T> {
    const labels = choices.map(({ label }, index) => (index < 9 ? `${index + 1} ${label}` : `  ${label}`));
    const taken = await this.#prompt('Select', {
      message,
      choices: labels.map((name) => ({ name })),
      initial: Math.max(
        0,
        choices.findIndex(({ value }) => value === initial),
      ),
      limit: Math.max(leastListLines, this.rows - linesBesideList),
    });
    const choice = choices[labels.indexOf(String(taken))];
    if (!choice) throw new TypeError(`enquirer chose ${String(taken)}, which is not in the list`);
    return choice.value;
  }

  async search({ message, choices, initial }: SearchOptions): Promise<string> {
    const ordered =
      initial === undefined ? choices : [initial, ...choices.filter((choice) => choice !== initial)];
    return String(
      await this.#prompt('AutoComplete', {
        message,
        choices: ordered.map((name) => ({ name })),
        limit: Math.min(searchLines, Math.max(leastListLines, this.rows - linesBesideList)),
        highlight: (text: string) => text,
      }),
    );
  }

  async paste({ message, isLast, validate }: PasteOptions): Promise<string> {
    for (;;) {
      this.say(`? ${message}`);
      const text = await this.#readLines(isLast);
      const problem = await validate?.(text);
      if (problem === undefined) return text;
      this.say(`> ${problem}`);
    }
  }

  async #readLines(isLast: (lines: readonly string[]) => boolean): Promise<string> {
    const lines: string[] = [];
    let line = '';
    let characters = 0;
    for (;;) {
      const key = await this.#nextKey();
      if (key.kind === 'text') {
        characters += 1;
        if (characters <= maxPastedCharacters) line += key.text;
      } else if (key.kind === 'backspace') line = line.slice(0, -1);
      else if (key.kind === 'clear') line = '';
      else if (key.kind === 'enter') {
        lines.push(line);
        line = '';
        this.#terminal.write(`\r  ${lines.length} line${lines.length === 1 ? '' : 's'}`);
        if (isLast(lines)) break;
      }
    }
    this.#terminal.write('\n');
    // Empty lines at the end of what was pasted are no answer to the next question.
    this.#terminal.dropTypedEnters();
    return lines.join('\n').trim();
  }

  /** A key for a question that is not enquirer's. */
  async #nextKey(): ReturnType<Terminal['nextKey']> {
    for (;;) {
      const key = await this.#terminal.nextKey();
      if (key.kind === 'back') {
        this.#terminal.write('\n');
        throw new Back();
      }
      if (key.kind !== 'interrupt') return key;
      this.#terminal.write('\n');
      await this.#askWhetherToStop();
      this.say('Go on where you were.');
    }
  }

  async work<T>(
    label: string,
    action: (work: Work) => Promise<T>,
    { canBeCancelled = true }: WorkOptions = {},
  ): Promise<T> {
    const controller = new AbortController();
    const startedMs = performance.now();
    let text = '';
    let interrupted = false;
    const draw = (): void => {
      const seconds = Math.floor((performance.now() - startedMs) / 1000);
      const detail = [text, seconds > 0 ? `${seconds} s` : ''].filter(Boolean).join(', ');
      const line = `  ${label} ...${detail ? ` ${detail}` : ''}`;
      this.#terminal.write(`\r\u001b[K${line.slice(0, this.columns - 1)}`);
    };
    const release = this.#terminal.onInterrupt(() => {
      interrupted = true;
      if (canBeCancelled || this.#terminal.isDisconnected) controller.abort();
      else text = 'this cannot be interrupted, please wait';
    });
    const timer = setInterval(draw, tickMs);
    draw();
    try {
      const result = await action({
        signal: controller.signal,
        progress: (now) => {
          text = now;
          draw();
        },
      });
      if (interrupted && canBeCancelled) throw new Cancelled();
      return result;
    } catch (error) {
      // What an aborted action throws says only that it was aborted.
      throw controller.signal.aborted ? new Cancelled() : error;
    } finally {
      clearInterval(timer);
      release();
      draw();
      this.#terminal.write('\n');
    }
  }

  async #prompt(kind: PromptKind, options: Record<string, unknown>): Promise<unknown> {
    let typed = '';
    for (;;) {
      try {
        return await runPrompt(this.#enquirer, this.#terminal, kind, options, typed);
      } catch (error) {
        if (!(error instanceof Interrupted)) throw error;
        // A list has nothing typed that is worth keeping.
        typed = kind === 'Input' || kind === 'Password' ? error.typed : '';
        await this.#askWhetherToStop();
      }
    }
  }

  /** @throws {Stopped} or {Back}, as the person wishes; returns to go on. */
  async #askWhetherToStop(): Promise<void> {
    let choice: unknown;
    const labels = ['1 go on', '2 go back to the question before', '3 stop here; what is answered is kept'];
    try {
      choice = await runPrompt(this.#enquirer, this.#terminal, 'Select', {
        message: 'Stop the set-up?',
        choices: labels.map((name) => ({ name })),
      });
    } catch (error) {
      // Ctrl-C again means it; Esc means that the first was a mistake.
      if (error instanceof Interrupted) throw new Stopped();
      if (error instanceof Back) return;
      throw error;
    }
    if (choice === labels[1]) throw new Back();
    if (choice === labels[2]) throw new Stopped();
  }
}
