/**
 * basic-ftp's control connection with what a hostile server makes necessary: bounded lines, whole lines only (a
 * reply may arrive in pieces), no replies that nobody asked for, and a hard deadline for every command.
 */
import { Client, FTPContext, type FTPResponse } from 'basic-ftp';
import type { EncroCamError } from '../../errors.ts';
import { protocolError, quote, unreachableError } from './replies.ts';

/** Longest line of a reply. Known servers stay below 1 KiB; basic-ftp bounds a whole reply to 64 KiB. */
const maxReplyLineLength = 4096;

export class ControlConnection extends FTPContext {
  #partialLine = '';

  /** Why the connection is closed, if it is. */
  get closingError(): Error | undefined {
    return this._closingError;
  }

  /** Whether the server said more than the replies that were read: before TLS, somebody else may have said it. */
  get hasUnreadReplies(): boolean {
    return this.#partialLine !== '' || this._partialResponse !== '';
  }

  protected override _onControlSocketData(chunk: string): void {
    const text = this.#partialLine + chunk;
    const end = text.lastIndexOf('\n') + 1;
    this.#partialLine = text.slice(end);
    const tooLong = (line: string): boolean => line.length > maxReplyLineLength;
    if (tooLong(this.#partialLine) || text.slice(0, end).split('\n').some(tooLong)) {
      this.#partialLine = '';
      this.closeWithError(
        protocolError(`The server's reply is longer than ${maxReplyLineLength} characters.`),
      );
      return;
    }
    if (end > 0) super._onControlSocketData(text.slice(0, end));
  }

  protected override _passToHandler(response: Error | FTPResponse): void {
    // A reply that nobody waits for would be taken for the answer to the next command.
    if (!this._task && !this._closingError && 'code' in response && typeof response.code === 'number') {
      const said = quote(response.message, '');
      this.closeWithError(
        response.code === 421
          ? unreachableError(`The server ends the session: "${said}".`)
          : protocolError(`The server sent a reply to no command: "${said}".`),
      );
      return;
    }
    super._passToHandler(response);
  }
}

/** basic-ftp's client on that connection; its own time-outs, which a dripping server escapes, are off. */
export class BoundedClient extends Client {
  override readonly ftp: ControlConnection = new ControlConnection(0);
}

/** Waits for `work`, at most `timeoutMs`; then the connection is closed, which ends `work` too. */
export async function within<T>(
  control: FTPContext,
  timeoutMs: number,
  what: string,
  work: Promise<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error: EncroCamError = unreachableError(`No answer to ${what} within ${timeoutMs / 1000} s.`);
      control.closeWithError(error);
      reject(error);
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined); // The deadline was reported already.
  }
}
