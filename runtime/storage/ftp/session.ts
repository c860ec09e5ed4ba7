/**
 * One logged-in session: connects, negotiates TLS before anything else is said, logs in, and agrees on binary
 * transfers over protected data connections. What operations are made of; the operations are in `storage.ts`.
 */

import { connect as tlsConnect } from 'node:tls';
import { FTPError, type FTPResponse } from 'basic-ftp';
import type { FtpStorageConfig } from '../../config/types.ts';
import { EncroCamError, systemErrorCode } from '../../errors.ts';
import { BoundedClient, type ControlConnection, within } from './control.ts';
import { DataConnector } from './data.ts';
import type { HungUploads } from './hung.ts';
import type { ListingFormat } from './listing.ts';
import { protocolError, quote } from './replies.ts';
import { Transfer } from './transfer.ts';
import { loadTrust, type Trust } from './trust.ts';

export class FtpSession {
  readonly control: ControlConnection;
  readonly #client = new BoundedClient();
  readonly #timeoutMs: number;
  readonly #hung: HungUploads;
  #connector: DataConnector | undefined;
  #listingFormat: ListingFormat = 'list';
  #roundTripMs = 0;

  constructor(timeoutMs: number, hung: HungUploads) {
    this.#timeoutMs = timeoutMs;
    this.#hung = hung;
    this.control = this.#client.ftp;
  }

  get isOpen(): boolean {
    return this.#connector !== undefined && this.control.closingError === undefined;
  }

  /** How long the server took for a command that costs it nothing. */
  get roundTripMs(): number {
    return this.#roundTripMs;
  }

  get listingFormat(): ListingFormat {
    return this.#listingFormat;
  }

  async open(config: FtpStorageConfig): Promise<void> {
    const trust = config.tls.mode === 'off' ? undefined : await loadTrust(config.host, config.tls);
    this.control.ipFamily = { auto: undefined, ipv4: 4, ipv6: 6 }[config.ipFamily];
    await this.#bounded('the connection', this.#client.connect(config.host, config.port));
    // A line that is silent for long, as during a held-open upload, is kept in NAT tables, and missed when cut.
    this.control.socket.setKeepAlive(true, this.#timeoutMs);
    if (trust) await this.#secure(config.host, trust);
    await this.#logIn(config);
    await this.#agree(trust !== undefined);
    this.#connector = new DataConnector(this.control, trust, this.#timeoutMs);
  }

  close(): void {
    this.#client.close();
  }

  /** Sends a command; rejects with an FTPError for a reply of 400 and up. */
  command(line: string): Promise<FTPResponse> {
    return this.#bounded(line.split(' ', 1)[0] ?? line, this.control.request(line));
  }

  /** Opens a data connection and sends the command that uses it. */
  async transfer(line: string, restartAt = 0): Promise<Transfer> {
    if (!this.#connector) throw protocolError('The session is not open.');
    const data = await this.#connector.open();
    try {
      if (restartAt > 0) {
        // The one good answer is 350, which basic-ftp takes for a success as well as 2xx.
        const { code } = await this.command(`REST ${restartAt}`);
        if (code !== 350) throw protocolError(`The server answered REST with ${code}.`);
      }
      return new Transfer(this.control, data, line, { timeoutMs: this.#timeoutMs, hung: this.#hung });
    } catch (error) {
      data.socket.destroy();
      throw error;
    }
  }

  async #secure(host: string, trust: Trust): Promise<void> {
    try {
      await this.command('AUTH TLS');
    } catch (error) {
      if (!(error instanceof FTPError)) throw error;
      throw new EncroCamError(
        'STORAGE_UNTRUSTED',
        `${host} offers no TLS: it answers "${quote(error.message, '')}".`,
        { hint: 'Ask for a server with TLS. Only on a network that you trust: storage.tls.mode "off".' },
      );
    }
    const plain = this.control.socket;
    // What came in the clear behind the answer would be read as if TLS had protected it.
    if (this.control.hasUnreadReplies) throw protocolError('Replies were injected before TLS began.');
    if (this.control.closingError) throw this.control.closingError;
    const socket = tlsConnect({ ...trust.tlsOptions, socket: plain });
    await this.#bounded(
      'the TLS handshake',
      new Promise<void>((resolve, reject) => {
        socket.once('error', (error) => reject(handshakeError(host, error)));
        socket.once('close', () => reject(new Error('closed during the TLS handshake')));
        socket.once('secureConnect', () => {
          try {
            trust.check(socket);
            socket.removeAllListeners('error');
            socket.removeAllListeners('close');
            this.control.socket = socket; // At once: the server's first session ticket comes right behind.
            this.control.tlsOptions = trust.tlsOptions;
            resolve();
          } catch (error) {
            socket.destroy();
            reject(error);
          }
        });
      }),
    );
  }

  async #logIn(config: FtpStorageConfig): Promise<void> {
    try {
      await this.#bounded('the log-in', this.#client.login(config.user, config.password));
    } catch (error) {
      if (!(error instanceof FTPError)) throw error;
      const wantsTls = config.tls.mode === 'off' && /tls|ssl|cleartext|encrypt/i.test(error.message);
      if (error.code === 421 && !wantsTls) throw error;
      throw new EncroCamError(
        'STORAGE_REFUSED',
        `${config.host} refuses the log-in: "${quote(error.message, config.password)}".`,
        {
          hint: wantsTls
            ? 'This server requires TLS: set storage.tls.mode to "explicit".'
            : 'Check storage.user and storage.password.',
        },
      );
    }
  }

  async #agree(secured: boolean): Promise<void> {
    const features = await this.#optional('FEAT');
    // RFC 3659: whoever lists MLST has MLSD too.
    this.#listingFormat = /^\s*MLST\b/im.test(features ?? '') ? 'mlsd' : 'list';
    await this.#optional('OPTS UTF8 ON');
    if (this.#listingFormat === 'mlsd') await this.#optional('OPTS MLST type;size;modify;');
    const sentMs = performance.now();
    await this.command('TYPE I');
    this.#roundTripMs = performance.now() - sentMs;
    if (!secured) return;
    await this.command('PBSZ 0');
    await this.command('PROT P');
  }

  /** A command that a server need not know. */
  async #optional(line: string): Promise<string | undefined> {
    try {
      return (await this.command(line)).message;
    } catch (error) {
      if (error instanceof FTPError) return undefined;
      throw error;
    }
  }

  #bounded<T>(what: string, work: Promise<T>): Promise<T> {
    return within(this.control, this.#timeoutMs, what, work);
  }
}

/** A handshake that fails by TLS's own rules, for want of a common version say, is no matter of the network. */
function handshakeError(host: string, error: Error): Error {
  const code = systemErrorCode(error);
  if (code === undefined || !/^(ERR_SSL_|ERR_TLS_|EPROTO)/.test(code)) return error;
  return new EncroCamError('STORAGE_UNTRUSTED', `${host} and this machine agree on no TLS (${code}).`, {
    hint: 'The server must speak storage.tls.minimumVersion or newer.',
  });
}
