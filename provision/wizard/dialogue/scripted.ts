/**
 * A dialogue whose answers are known beforehand, for tests: each reply says to which prompt it belongs. A reply that is
 * refused is noted, and the next one is taken, as a person would try again.
 */
import type {
  AskOptions,
  ChooseOptions,
  ColorDepth,
  ConfirmOptions,
  Dialogue,
  PasteOptions,
  SearchOptions,
  SecretOptions,
  Verdict,
  Work,
} from './dialogue.ts';

/** What is typed at the prompt whose message matches; an error is thrown instead. */
export type Reply = readonly [prompt: RegExp, answer: string | boolean | Error];

export class ScriptedDialogue implements Dialogue {
  readonly columns = 80;
  readonly rows = 24;
  readonly colors: ColorDepth = 'none';
  /** Everything that was shown. */
  readonly said: string[] = [];
  /** Why replies were refused. */
  readonly refused: string[] = [];
  readonly #replies: Reply[];

  constructor(replies: readonly Reply[]) {
    this.#replies = [...replies];
  }

  get isUsedUp(): boolean {
    return this.#replies.length === 0;
  }

  say(text: string): void {
    this.said.push(text);
  }

  show(lines: string): void {
    this.said.push(lines);
  }

  clear(): void {
    this.said.push('(cleared)');
  }

  async ask({ message, initial = '', validate }: AskOptions): Promise<string> {
    return this.#text(message, (typed) => typed.trim() || initial, validate);
  }

  async askSecret({ message, validate }: SecretOptions): Promise<string> {
    return this.#text(message, (typed) => typed, validate);
  }

  async confirm({ message }: ConfirmOptions): Promise<boolean> {
    const answer = this.#next(message);
    if (typeof answer !== 'boolean') throw new TypeError(`"${message}" wants true or false`);
    return answer;
  }

  async choose<T extends string>({ message, choices }: ChooseOptions<T>): Promise<T> {
    const answer = this.#next(message);
    const choice = choices.find(({ value }) => value === answer);
    if (choice) return choice.value;
    throw new TypeError(`"${message}" offers ${choices.map(({ value }) => value).join(', ')}, not ${answer}`);
  }

  async search({ message, choices }: SearchOptions): Promise<string> {
    const answer = this.#next(message);
    if (typeof answer === 'string' && choices.includes(answer)) return answer;
    throw new TypeError(`"${message}" does not offer ${answer}`);
  }

  async paste({ message, isLast, validate }: PasteOptions): Promise<string> {
    return this.#text(
      message,
      (typed) => {
        const lines: string[] = [];
        for (const line of `${typed}\n`.split('\n')) {
          lines.push(line);
          if (isLast(lines)) return lines.join('\n').trim();
        }
        throw new TypeError(`"${message}" waits for more lines than were given`);
      },
      validate,
    );
  }

  async work<T>(label: string, action: (work: Work) => Promise<T>): Promise<T> {
    this.said.push(label);
    return action({ signal: new AbortController().signal, progress: (text) => void this.said.push(text) });
  }

  async #text(
    message: string,
    take: (typed: string) => string,
    validate: ((value: string) => Verdict | Promise<Verdict>) | undefined,
  ): Promise<string> {
    for (;;) {
      const answer = this.#next(message);
      if (typeof answer !== 'string') throw new TypeError(`"${message}" wants text`);
      const value = take(answer);
      const verdict = await validate?.(value);
      if (verdict === undefined) return value;
      this.refused.push(verdict);
    }
  }

  #next(message: string): string | boolean {
    const reply = this.#replies.shift();
    if (!reply) throw new TypeError(`no reply is left for "${message}"`);
    const [prompt, answer] = reply;
    if (!prompt.test(message)) throw new TypeError(`"${message}" was asked where ${prompt} was expected`);
    if (answer instanceof Error) throw answer;
    return answer;
  }
}
