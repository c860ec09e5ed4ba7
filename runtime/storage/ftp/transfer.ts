/**
 * One transfer: a command on the control connection, a data connection beside it, and the rule that the server's
 * reply explains a failure better than the broken socket that comes with it.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { FTPError, type FTPResponse } from 'basic-ftp';
import { isEncroCamError, messageOf } from '../../errors.ts';
import { type ControlConnection, within } from './control.ts';
import type { DataConnection } from './data.ts';
import type { HungUploads } from './hung.ts';
import { protocolError } from './replies.ts';

/** Preliminary replies (1xx) to one command: one is usual. */
const maxPreliminaryReplies = 100;
/** How long a reply is waited for after the data connection broke. Known servers need less than 10 ms. */
const explanationMs = 1000;

export class Transfer {
  readonly #control: ControlConnection;
  readonly #data: DataConnection;
  readonly #timeoutMs: number;
  readonly #hung: HungUploads;
  /** Resolves with the 2xx that ends the transfer. */
  readonly #final: Promise<FTPResponse>;
  /** Why the transfer is over before it should be. */
  #failure: { readonly error: unknown } | undefined;
  /**
   * Told about it as soon as it happens. Not a promise to race with: one that lives as long as the transfer would
   * keep what every race of it brought.
   */
  readonly #waiting = new Set<(error: unknown) => void>();
  readonly #started: Promise<void>;
  #lastReply = '';
  #ended = false;
  #abandoned = false;
  #hangs = false;

  /** Sends `command`; the data connection is open, as servers want it before the command. */
  constructor(
    control: ControlConnection,
    data: DataConnection,
    command: string,
    { timeoutMs, hung }: { timeoutMs: number; hung: HungUploads },
  ) {
    this.#control = control;
    this.#data = data;
    this.#timeoutMs = timeoutMs;
    this.#hung = hung;
    const started = Promise.withResolvers<void>();
    let preliminaries = 0;
    this.#final = control.handle(command, (reply, task) => {
      if (reply instanceof Error) task.reject(reply);
      else if (reply.code < 200) {
        // pure-ftpd ends a download that was broken off with a second 150 and nothing else.
        if (this.#abandoned && /measured here/.test(reply.message)) return task.resolve(reply);
        started.resolve();
        if (++preliminaries > maxPreliminaryReplies) {
          control.closeWithError(
            protocolError(`The server sent over ${maxPreliminaryReplies} replies to one command.`),
          );
        }
      } else if (reply.code < 300) task.resolve(reply);
      else control.closeWithError(protocolError(`The server answered a transfer with ${reply.code}.`));
    });
    this.#final.then(
      () => {
        if (!this.#ended) this.#break(protocolError('The server ended an upload that was still going on.'));
      },
      (error: unknown) => this.#break(error),
    );
    this.#started = Promise.all([started.promise, data.ready]).then(() => undefined);
    for (const promise of [this.#final, this.#started]) promise.catch(() => undefined);
  }

  /** What the server said at the end of a download. */
  get lastReply(): string {
    return this.#lastReply;
  }

  /** Resolves when the bytes left this process. */
  async send(bytes: Uint8Array): Promise<void> {
    const { socket } = this.#data;
    await this.#orBroken('the upload', this.#started);
    await this.#orBroken(
      'the upload',
      new Promise<void>((resolve, reject) => {
        socket.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    );
  }

  /** Ends an upload; resolves when the server has confirmed it. */
  async finishSending(): Promise<FTPResponse> {
    this.#ended = true;
    this.#data.socket.end();
    try {
      return await within(this.#control, this.#timeoutMs, 'the end of the upload', this.#final);
    } catch (error) {
      if (isEncroCamError(error, 'STORAGE_UNREACHABLE')) this.#hang();
      throw error;
    } finally {
      if (!this.#hangs) this.#data.socket.destroy();
    }
  }

  /** Chunks of a download; returns when the server has confirmed its end. */
  async *receive(): AsyncGenerator<Uint8Array, void> {
    this.#ended = true; // A server may confirm before the last bytes arrive.
    const { socket } = this.#data;
    const chunks: AsyncIterator<Uint8Array> = socket[Symbol.asyncIterator]();
    try {
      await this.#orBroken('the download', this.#data.ready);
      for (;;) {
        const next = await this.#orBroken('the download', chunks.next());
        if (next.done) break;
        yield next.value;
      }
      const reply = await within(this.#control, this.#timeoutMs, 'the end of the download', this.#final);
      this.#lastReply = reply.message;
    } finally {
      socket.destroy();
    }
  }

  /** Breaks the data connection off; `true` if the session is in order afterwards. */
  async abandon(graceMs: number): Promise<boolean> {
    this.#ended = true;
    this.#abandoned = true;
    if (!this.#hangs) this.#data.socket.destroy();
    const over = this.#final.then(
      () => true,
      () => true,
    );
    const settled = await Promise.race([over, pause(graceMs, false, { ref: false })]);
    return settled && this.#control.closingError === undefined;
  }

  /** The server says nothing any more, and does not know that it is over. */
  #hang(): void {
    if (this.#hangs || this.#data.socket.destroyed) return;
    this.#hangs = true;
    this.#hung.add(this.#data.raw);
  }

  #break(error: unknown): void {
    this.#failure = { error };
    for (const reject of this.#waiting) reject(error);
  }

  /** `work`, or the rejection that the end of the transfer brings. */
  #unlessBroken<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure.error);
      this.#waiting.add(reject);
      work.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }

  async #orBroken<T>(what: 'the upload' | 'the download', work: Promise<T>): Promise<T> {
    try {
      return await within(this.#control, this.#timeoutMs, what, this.#unlessBroken(work));
    } catch (error) {
      if (what === 'the upload' && isEncroCamError(error, 'STORAGE_UNREACHABLE')) this.#hang();
      if (!this.#hangs) this.#data.socket.destroy();
      if (!isEncroCamError(error) && !(error instanceof FTPError)) {
        await this.#unlessBroken(pause(explanationMs, undefined, { ref: false }));
      }
      // Without a reply to this command, the next one would be given to the command after it.
      if (!(error instanceof FTPError)) this.#control.closeWithError(asError(error));
      throw error;
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error));
}
