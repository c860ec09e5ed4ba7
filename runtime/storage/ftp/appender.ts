/** An open append on an FTP drive: one APPE, from the first bytes to the server's confirmation. */
import type { Appender, DrivePath } from '../storage.ts';
import { unreachableError } from './replies.ts';
import type { FtpSession } from './session.ts';
import type { Transfer } from './transfer.ts';

/** The upload begins with the first bytes: one without any fails over a resumed TLS session. */
export class FtpAppender implements Appender {
  readonly #session: FtpSession;
  readonly #path: DrivePath;
  readonly #explained: <T>(work: () => Promise<T>) => Promise<T>;
  readonly #done: () => void;
  #transfer: Transfer | undefined;
  #over = false;

  constructor(
    session: FtpSession,
    path: DrivePath,
    explained: <T>(work: () => Promise<T>) => Promise<T>,
    done: () => void,
  ) {
    this.#session = session;
    this.#path = path;
    this.#explained = explained;
    this.#done = done;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#assertOpen();
    if (bytes.length === 0) return;
    await this.#orEnd(async () => {
      this.#transfer ??= await this.#session.transfer(`APPE ${this.#path}`);
      await this.#transfer.send(bytes);
    });
  }

  async finish(): Promise<void> {
    this.#assertOpen();
    await this.#orEnd(async () => {
      await this.#transfer?.finishSending();
    });
    this.#end();
  }

  async abort(): Promise<void> {
    if (this.#over) return;
    this.#end();
    this.#session.close();
    await this.#transfer?.abandon(0);
  }

  #assertOpen(): void {
    if (this.#over) throw unreachableError(`The append to ${this.#path} is over.`);
  }

  async #orEnd(work: () => Promise<void>): Promise<void> {
    try {
      await this.#explained(work);
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  #end(): void {
    this.#over = true;
    this.#done();
  }
}
