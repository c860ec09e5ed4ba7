/**
 * Opens data connections: EPSV, or PASV where a server has no EPSV. Always to the address that the control
 * connection goes to: an address from the server could point anywhere ("bounce"), and behind NAT it is wrong anyway.
 */

import { once } from 'node:events';
import { connect, isIPv6, type Socket } from 'node:net';
import { TLSSocket, connect as tlsConnect } from 'node:tls';
import { FTPError } from 'basic-ftp';
import { type ControlConnection, within } from './control.ts';
import { parseExtendedPassiveReply, parsePassiveReply, protocolError } from './replies.ts';
import type { Trust } from './trust.ts';

export interface DataConnection {
  readonly socket: Socket | TLSSocket;
  /** The TCP connection below. */
  readonly raw: Socket;
  /** Resolves when bytes may be sent: at once, or after the handshake with a trusted peer. */
  readonly ready: Promise<void>;
}

/** Replies by which a server says that it does not know EPSV, or not for this kind of address. */
const unknownCommandCodes = [500, 501, 502, 504, 522];

export class DataConnector {
  readonly #control: ControlConnection;
  readonly #trust: Trust | undefined;
  readonly #timeoutMs: number;
  #extended = true;

  constructor(control: ControlConnection, trust: Trust | undefined, timeoutMs: number) {
    this.#control = control;
    this.#trust = trust;
    this.#timeoutMs = timeoutMs;
  }

  async open(): Promise<DataConnection> {
    const port = await this.#passivePort();
    const host = this.#control.socket.remoteAddress;
    if (host === undefined) throw protocolError('The control connection ended before the data connection.');
    const raw = quiet(connect({ host, port }));
    raw.setNoDelay(true);
    try {
      await within(this.#control, this.#timeoutMs, 'the data connection', once(raw, 'connect'));
    } catch (error) {
      raw.destroy();
      throw error;
    }
    raw.setKeepAlive(true, this.#timeoutMs);
    return this.#trust ? this.#secure(raw, this.#trust) : { socket: raw, raw, ready: Promise.resolve() };
  }

  async #passivePort(): Promise<number> {
    if (this.#extended) {
      try {
        return parseExtendedPassiveReply(await this.#ask('EPSV'));
      } catch (error) {
        const unknown = error instanceof FTPError && unknownCommandCodes.includes(error.code);
        if (!unknown || isIPv6(this.#control.socket.remoteAddress ?? '')) throw error;
        this.#extended = false;
      }
    }
    return parsePassiveReply(await this.#ask('PASV'));
  }

  async #ask(command: string): Promise<string> {
    return (await within(this.#control, this.#timeoutMs, command, this.#control.request(command))).message;
  }

  /**
   * The control connection's TLS session is resumed: servers demand it as the proof that both connections have the
   * same client, and to us it proves the same of the server. TLS 1.3 tickets are for one use: each data connection
   * brings the next one.
   */
  #secure(raw: Socket, trust: Trust): DataConnection {
    const control = this.#control;
    const session =
      control.tlsSessionStore ??
      (control.socket instanceof TLSSocket ? control.socket.getSession() : undefined);
    const socket = tlsConnect({ ...trust.tlsOptions, socket: raw, ...(session ? { session } : {}) });
    const ready = new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', () => {
        try {
          trust.check(socket);
          socket.on('session', (ticket) => {
            control.tlsSessionStore = ticket;
          });
          resolve();
        } catch (error) {
          socket.destroy();
          reject(error);
        }
      });
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('The data connection closed during its handshake.')));
    });
    ready.catch(() => undefined); // Whoever sends waits for it; a listing may be refused before.
    return { socket: quiet(socket), raw, ready };
  }
}

/** Failures are read from the stream where it is used; one that comes between two uses must not end the process. */
function quiet<T extends Socket>(socket: T): T {
  return socket.on('error', () => undefined);
}
