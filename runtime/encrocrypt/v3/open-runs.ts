/**
 * The runs of a file that may still go on, and which of them a packet belongs to: packets do not say it. A header that somebody
 * put into a run shall not hide what follows, so a checkpoint that its key signed goes on with it.
 */
import type { Stretch } from './chain-pieces.ts';
import { checkpointSignedBytes, finalSignedBytes, hashBytes } from './format.ts';
import type { Header } from './header.ts';
import { type LinkReach, RunVerifier } from './run-verifier.ts';
import type { VouchedNote, VouchedPacket } from './standing-packets.ts';

/** Copies of a run's header that have one signature of the camera, or none. The header's hash does not cover it. */
export interface HeaderCopies {
  readonly cameraSignature: Buffer | undefined;
  /** Of the file, that they take. */
  readonly bytes: number;
}

export interface OpenRun {
  /** Its header's hash. */
  readonly id: string;
  readonly header: Header;
  offset: number;
  readonly isRepeated: boolean;
  readonly copies: { -readonly [Key in keyof HeaderCopies]: HeaderCopies[Key] }[];
  /** What a certificate may name. */
  readonly links: Map<string, LinkReach>;
  readonly verifier: RunVerifier;
}

export interface RunEvents {
  onStretch(stretch: Stretch): void;
  onNote(note: VouchedNote): void;
  onVouched(packets: readonly VouchedPacket[]): void;
}

/** Of one run: each second, for a day. */
const maxLinks = 100_000;

export class OpenRuns {
  readonly #onEnd: (run: OpenRun) => void;
  #current: OpenRun | undefined;
  /** Those in whose midst another header stands, or that have no end: by id. */
  readonly #interrupted = new Map<string, OpenRun>();
  #lastInterrupted: OpenRun | undefined;
  /** The same, by what their next checkpoint must name. */
  readonly #byLink = new Map<string, OpenRun>();

  /** @param onEnd a run is over: its final is there and another run begins, or nothing will come. */
  constructor(onEnd: (run: OpenRun) => void) {
    this.#onEnd = onEnd;
  }

  get current(): OpenRun | undefined {
    return this.#current;
  }

  begin(run: Omit<OpenRun, 'verifier'>, events: RunEvents): void {
    this.#leave();
    const { header, links } = run;
    const verifier = new RunVerifier(
      header,
      events.onStretch,
      events.onNote,
      (link, reach) => {
        if (links.size < maxLinks) links.set(link.toString('hex'), reach);
      },
      events.onVouched,
    );
    this.#current = { ...run, verifier };
  }

  /** A header stands there again. @returns its run, where that has not ended. */
  resume(id: string, offset: number): OpenRun | undefined {
    if (this.#current?.id === id) return this.#current;
    const run = this.#interrupted.get(id);
    if (!run) return undefined;
    const isBlank = !run.verifier.isSigned && !run.verifier.hasPackets;
    // It begins here: somebody put a copy of its header before.
    if (isBlank) run.offset = offset;
    this.#goOnWith(run, { withPackets: !isBlank });
    return run;
  }

  /** @returns whether it is a run's of this file. */
  checkpoint(body: Buffer): boolean {
    return this.#sign(body, checkpointSignedBytes - 2 * hashBytes, (verifier) => verifier.checkpoint(body));
  }

  /** @returns whether it is a run's of this file. */
  finish(body: Buffer): boolean {
    return this.#sign(body, finalSignedBytes - hashBytes, (verifier) => verifier.finish(body));
  }

  reachOf(id: string, link: string): LinkReach | undefined {
    const run = this.#current?.id === id ? this.#current : this.#interrupted.get(id);
    return run?.links.get(link);
  }

  end(): void {
    const runs = [...this.#interrupted.values(), ...(this.#current ? [this.#current] : [])];
    this.#interrupted.clear();
    this.#current = undefined;
    for (const run of runs.sort((one, other) => one.offset - other.offset)) this.#onEnd(run);
  }

  #sign(body: Buffer, linkAt: number, take: (verifier: RunVerifier) => boolean): boolean {
    if (this.#current && take(this.#current.verifier)) return true;
    if (this.#interrupted.size === 0) return false;
    // By what it names, whatever stands between; after a hole, by the run that was interrupted last.
    const named = this.#byLink.get(body.subarray(linkAt, linkAt + hashBytes).toString('hex'));
    for (const run of new Set([named, this.#lastInterrupted])) {
      if (!run || this.#interrupted.get(run.id) !== run || !run.verifier.owns(body)) continue;
      this.#goOnWith(run);
      return take(run.verifier);
    }
    return false;
  }

  #goOnWith(run: OpenRun, { withPackets } = { withPackets: true }): void {
    const other = this.#current;
    // Nothing speaks for that one but its header: what stands behind it may be this one's.
    if (withPackets && other && !other.verifier.isSigned) run.verifier.takeAllOf(other.verifier);
    run.verifier.interrupt();
    this.#interrupted.delete(run.id);
    this.#leave();
    this.#current = run;
  }

  #leave(): void {
    const run = this.#current;
    this.#current = undefined;
    if (!run) return;
    if (run.verifier.isOver) {
      this.#onEnd(run);
      return;
    }
    this.#interrupted.set(run.id, run);
    this.#lastInterrupted = run;
    this.#byLink.set(run.verifier.lastLink.toString('hex'), run);
  }
}
