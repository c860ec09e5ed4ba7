/** One thing at a time: whoever asks gets the turn after everybody who asked before gave theirs back. */
export class Turns {
  #last: Promise<void> = Promise.resolve();
  #endCurrent: () => void = () => undefined;

  /** Resolves with the function that gives the turn back; calling that twice does nothing. */
  async take(): Promise<() => void> {
    const before = this.#last;
    let done = (): void => undefined;
    this.#last = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    this.#endCurrent = done;
    return done;
  }

  /** Ends the present turn for its holder, who may have gone away without a word. */
  takeAway(): void {
    this.#endCurrent();
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const done = await this.take();
    try {
      return await work();
    } finally {
      done();
    }
  }
}
