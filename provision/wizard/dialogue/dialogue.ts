/**
 * What a question needs of whoever answers it. `enquirer.ts` talks to a person on a terminal, `scripted.ts` to a test.
 * Every method that waits for an answer may throw `Back` or `Stopped` of `../signals.ts`.
 */
export interface Dialogue {
  readonly columns: number;
  readonly rows: number;
  readonly colors: ColorDepth;

  /** Text for reading: wrapped to the terminal; an empty line between paragraphs. */
  say(text: string): void;
  /** Lines that are shown as they are: a QR code, a key, a picture. */
  show(lines: string): void;
  /** Takes everything off the screen, and out of what can be scrolled back to. */
  clear(): void;

  /** One line of text; `initial` is taken for an empty one. */
  ask(options: AskOptions): Promise<string>;
  /** One line that is not shown. */
  askSecret(options: SecretOptions): Promise<string>;
  confirm(options: ConfirmOptions): Promise<boolean>;
  choose<T extends string>(options: ChooseOptions<T>): Promise<T>;
  /** One of many: what is typed narrows the list down. */
  search(options: SearchOptions): Promise<string>;
  /** Several lines, up to and with the one with which `isLast` becomes true. They are not shown. */
  paste(options: PasteOptions): Promise<string>;

  /**
   * Shows that something is going on until it ends. Ctrl-C aborts `signal` and throws `Cancelled`; with
   * `canBeCancelled: false` it waits for the end instead.
   */
  work<T>(label: string, action: (work: Work) => Promise<T>, options?: WorkOptions): Promise<T>;
}

export type ColorDepth = 'none' | '256' | 'true';

/** A sentence that says what is wrong, or `undefined`. */
export type Verdict = string | undefined;

export interface AskOptions {
  readonly message: string;
  readonly initial?: string;
  readonly validate?: (value: string) => Verdict | Promise<Verdict>;
}

export interface SecretOptions {
  readonly message: string;
  readonly validate?: (value: string) => Verdict | Promise<Verdict>;
}

export interface ConfirmOptions {
  readonly message: string;
  readonly initial: boolean;
}

export interface Choice<T extends string> {
  readonly value: T;
  readonly label: string;
}

export interface ChooseOptions<T extends string> {
  readonly message: string;
  readonly choices: readonly Choice<T>[];
  readonly initial?: T;
}

export interface SearchOptions {
  readonly message: string;
  readonly choices: readonly string[];
  readonly initial?: string;
}

export interface PasteOptions {
  readonly message: string;
  readonly isLast: (lines: readonly string[]) => boolean;
  readonly validate?: (text: string) => Verdict | Promise<Verdict>;
}

export interface Work {
  readonly signal: AbortSignal;
  /** What is being done right now. */
  readonly progress: (text: string) => void;
}

export interface WorkOptions {
  readonly canBeCancelled?: boolean;
}
