/** What was passed over, in few lines: neighbours with one reason are one, and after some lines only sums follow. */
import type { Skip, SkipReason } from '../encrocrypt/index.ts';

const maxKept = 20;

/** Collects skips in bounded memory: the first ones as they are, all others in one per reason. */
export class SkipTally {
  #first: Skip[] = [];
  #others = new Map<SkipReason, Skip>();

  add(skip: Skip): void {
    const last = this.#first.at(-1);
    if (last && joins(last, skip) && this.#others.size === 0) {
      this.#first[this.#first.length - 1] = { ...last, length: last.length + skip.length };
    } else if (this.#first.length < maxKept) {
      this.#first.push(skip);
    } else {
      const same = this.#others.get(skip.reason);
      this.#others.set(skip.reason, same ? { ...same, length: same.length + skip.length } : skip);
    }
  }

  get skips(): readonly Skip[] {
    return [...this.#first, ...this.#others.values()];
  }
}

const reasons: Readonly<Record<SkipReason, string>> = {
  garbage: 'no packet there',
  'bad-header': 'a packet header that cannot be',
  cut: 'a packet that is not whole',
  'not-authentic': 'damaged, or not made by the camera',
  'no-key': 'no usable key before it',
  'not-given': 'outside of what was shared',
  repeated: 'was there before, or stands out of its order',
};

/** Writes skips as lines for people: the first ones one by one, then a summary at the end. */
export class SkipReport {
  readonly #write: (line: string) => void;
  #open: Skip | undefined;
  #lines = 0;
  #unwritten = 0;
  #unwrittenBytes = 0;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  add(skip: Skip): void {
    if (this.#open && joins(this.#open, skip)) {
      this.#open = { ...this.#open, length: this.#open.length + skip.length };
      return;
    }
    this.flush();
    this.#open = skip;
  }

  /** Writes what is still held back in case a neighbour follows. */
  flush(): void {
    const skip = this.#open;
    this.#open = undefined;
    if (!skip) return;
    if (this.#lines < maxKept) {
      this.#lines += 1;
      this.#write(
        `skipped ${skip.length} bytes at byte ${skip.offset}: ${reasons[skip.reason]} (${skip.reason})`,
      );
    } else {
      this.#unwritten += 1;
      this.#unwrittenBytes += skip.length;
    }
  }

  end(): void {
    this.flush();
    if (this.#unwritten === 0) return;
    this.#write(`skipped ${this.#unwrittenBytes} more bytes in ${this.#unwritten} further places`);
  }
}

function joins(before: Skip, after: Skip): boolean {
  return before.reason === after.reason && before.offset + before.length === after.offset;
}
