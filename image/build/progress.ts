/**
 * What the person who waits sees: the step, how long it has been going on, what it is doing, and in the end which
 * steps took the time. On a terminal one line moves; elsewhere every change is a line.
 */
export interface StepTime {
  readonly step: string;
  readonly seconds: number;
}

const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

export class Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #times: StepTime[] = [];
  #step: { name: string; startedMs: number; doing: string } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #turn = 0;

  constructor(out: NodeJS.WriteStream = process.stderr) {
    this.#out = out;
  }

  get times(): readonly StepTime[] {
    return this.#times;
  }

  /** Runs a step and keeps its time, also if it fails. */
  async during<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.#step = { name, startedMs: performance.now(), doing: '' };
    if (this.#out.isTTY) this.#timer = setInterval(() => this.#draw(), 120).unref();
    else this.#out.write(`${name}\n`);
    let ended = 'failed';
    try {
      const result = await work();
      ended = 'done';
      return result;
    } finally {
      clearInterval(this.#timer);
      const seconds = (performance.now() - this.#step.startedMs) / 1000;
      this.#times.push({ step: name, seconds: Math.round(seconds * 10) / 10 });
      this.#clear();
      this.#out.write(`${ended === 'done' ? '✔' : '✘'} ${name.padEnd(12)} ${formatSeconds(seconds)}\n`);
      this.#step = undefined;
    }
  }

  /** What the step is doing now; or, between steps, a line. */
  say(text: string): void {
    if (this.#step && this.#out.isTTY) {
      this.#step.doing = text;
      this.#draw();
    } else this.#out.write(`${this.#step ? '  ' : ''}${text}\n`);
  }

  /** A line that stays. */
  line(text: string): void {
    this.#clear();
    this.#out.write(`${text}\n`);
  }

  #draw(): void {
    if (!this.#step) return;
    this.#turn = (this.#turn + 1) % spinner.length;
    const seconds = (performance.now() - this.#step.startedMs) / 1000;
    const text = `${spinner[this.#turn]} ${this.#step.name.padEnd(12)} ${formatSeconds(seconds)}  ${this.#step.doing}`;
    this.#clear();
    this.#out.write(text.slice(0, Math.max(20, (this.#out.columns || 80) - 1)));
  }

  #clear(): void {
    if (this.#out.isTTY) this.#out.write('\r\x1b[K');
  }
}

export function formatSeconds(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return minutes > 0
    ? `${minutes} min ${String(Math.round(seconds % 60)).padStart(2)} s`
    : `${seconds.toFixed(1)} s`;
}
