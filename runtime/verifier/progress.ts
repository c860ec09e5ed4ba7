/** How far checking has come, for whoever waits at a terminal: everything that was read, and the time that it is of. */
import type { Input } from '../viewer/inputs.ts';
import type { Screen } from '../viewer/progress.ts';
import type { Source } from '../viewer/source.ts';

export class ReadingProgress {
  readonly #screen: Screen;
  #bytesRead = 0;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** All bytes of a recording, told as they pass. */
  async *read(source: Source, { recording }: Pick<Input, 'recording'>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source.stream(0)) {
      this.add(chunk.length, recording?.startMs);
      yield chunk;
    }
  }

  /** @param timeMs when what was read was recorded, as far as that is known. */
  add(bytes: number, timeMs: number | undefined): void {
    this.#bytesRead += bytes;
    this.#screen.progress({ bytesRead: this.#bytesRead, bytesTotal: undefined, timeMs });
  }

  /** Takes it away: something else is written now. */
  end(): void {
    this.#screen.end();
  }
}
