/**
 * The unlock agent: takes passphrases from any number of front ends, tries one at a time (Argon2 takes half of the
 * memory), counts the wrong ones aloud and slows down. The first right one wins, and everybody is told. It never
 * gives up, and keeps no passphrase longer than it takes to try it.
 *
 * How a passphrase is tried, and what happens then, is the `Unlocker`'s: see `unlocker.ts`.
 */
import net from 'node:net';
import { isEncroCamError, messageOf } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import type { CameraState } from '../state.ts';
import { pauseAfterMs } from './attempts.ts';
import { type Event, encode, LineSplitter, maxRequestBytes, parseRequest, type Request } from './protocol.ts';

export interface Unlocker {
  state(): Promise<CameraState>;
  /** Milliseconds since the machine was started. */
  upTimeMs(): Promise<number>;
  /** Whether this camera records while it is locked. */
  recordsLocked(): Promise<boolean>;
  /**
   * Opens, mounts, starts. @returns a warning, where it is unlocked and something else is not as it should be.
   * @throws {EncroCamError} `PASSPHRASE_WRONG`, or whatever else is in the way.
   */
  unlock(passphrase: string): Promise<string | undefined>;
  /** What `encrocam status` says. */
  report(): Promise<string>;
}

export interface AgentOptions {
  readonly unlocker: Unlocker;
  readonly logger: Logger;
  readonly now?: () => number;
  readonly sleep?: (ms: number) => Promise<void>;
}

/** More front ends than a camera has consoles; the next one is hung up on. */
export const maxClients = 32;
/** A front end that does not read is hung up on once this much waits for it. */
const maxWaitingBytes = 256 * 1024;
/** Whoever connects and says nothing keeps no place. */
const helloTimeoutMs = 10_000;

interface Client {
  readonly socket: net.Socket;
  from: string | undefined;
  /** A passphrase of this client waits or is being tried: it has one turn at a time. */
  busy: boolean;
}

export class Agent {
  readonly #options: AgentOptions;
  readonly #now: () => number;
  readonly #sleep: (ms: number) => Promise<void>;
  readonly #clients = new Set<Client>();
  #wrongAttempts = 0;
  #lastWrongFrom: string | undefined;
  #notBeforeMs = 0;
  /** Attempts run one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #onIdle: () => void = () => undefined;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#sleep = options.sleep ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms)));
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  /** Called whenever the last client has gone. */
  onIdle(listener: () => void): void {
    this.#onIdle = listener;
  }

  accept(socket: net.Socket): void {
    const { logger } = this.#options;
    if (this.#clients.size >= maxClients) {
      logger.warn('too many front ends: one was hung up on', { clients: this.#clients.size });
      socket.destroy();
      return;
    }
    const client: Client = { socket, from: undefined, busy: false };
    this.#clients.add(client);
    const lines = new LineSplitter(maxRequestBytes);
    const helloTimer = setTimeout(() => {
      if (client.from === undefined) socket.destroy();
    }, helloTimeoutMs);
    helloTimer.unref();
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const line of lines.push(chunk)) this.#handle(client, parseRequest(line));
      } catch (error) {
        logger.warn('a front end was hung up on', { from: client.from, reason: messageOf(error) });
        socket.destroy();
      }
    });
    // Front ends come and go; what matters is that the place is free again.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearTimeout(helloTimer);
      this.#clients.delete(client);
      if (this.#clients.size === 0) this.#onIdle();
    });
  }

  #handle(client: Client, request: Request): void {
    const work = this.#answer(client, request);
    work.catch((error: unknown) => {
      this.#options.logger.error('a request failed', { type: request.type, reason: messageOf(error) });
      this.#send(client, failure(error));
    });
  }

  async #answer(client: Client, request: Request): Promise<void> {
    switch (request.type) {
      case 'hello':
        client.from = request.from;
        this.#send(client, await this.#stateEvent());
        return;
      case 'report':
        this.#send(client, { type: 'report', text: await this.#options.unlocker.report() });
        return;
      case 'passphrase': {
        // Before the hello nobody could be told where an attempt came from.
        if (client.from === undefined || client.busy) return;
        client.busy = true;
        const turn = this.#turn.then(() => this.#attempt(client, request.passphrase));
        this.#turn = turn.catch(() => undefined);
        try {
          await turn;
        } finally {
          client.busy = false;
        }
      }
    }
  }

  async #attempt(client: Client, passphrase: string): Promise<void> {
    const { unlocker, logger } = this.#options;
    const from = client.from ?? 'somewhere';
    const state = await unlocker.state();
    if (state !== 'locked') {
      // Somebody else was first while this one waited.
      this.#send(client, await this.#stateEvent());
      return;
    }
    const pauseMs = this.#notBeforeMs - this.#now();
    if (pauseMs > 0) {
      this.#send(client, { type: 'waiting', pauseMs });
      await this.#sleep(pauseMs);
      // Whoever hung up meanwhile wants no answer, and the next one need not wait for it.
      if (!this.#clients.has(client)) return;
    }
    this.#tell((you) => ({ type: 'trying', from, you }), client);
    try {
      const warning = await unlocker.unlock(passphrase);
      logger.info('unlocked', { from, wrongAttempts: this.#wrongAttempts });
      this.#wrongAttempts = 0;
      this.#lastWrongFrom = undefined;
      this.#notBeforeMs = 0;
      this.#tell(
        (you) => ({ type: 'unlocked', from, you, ...(warning === undefined ? {} : { warning }) }),
        client,
      );
    } catch (error) {
      if (!isEncroCamError(error, 'PASSPHRASE_WRONG')) {
        logger.error('unlocking failed', { from, reason: messageOf(error) });
        this.#tell(() => failure(error), client);
        return;
      }
      this.#wrongAttempts++;
      this.#lastWrongFrom = from;
      const nextPauseMs = pauseAfterMs(this.#wrongAttempts);
      this.#notBeforeMs = this.#now() + nextPauseMs;
      logger.warn('wrong passphrase', { from, wrongAttempts: this.#wrongAttempts, pauseMs: nextPauseMs });
      this.#tell(
        (you) => ({ type: 'wrong', from, you, wrongAttempts: this.#wrongAttempts, pauseMs: nextPauseMs }),
        client,
      );
    }
  }

  async #stateEvent(): Promise<Event> {
    const { unlocker } = this.#options;
    return {
      type: 'state',
      state: await unlocker.state(),
      forMs: await unlocker.upTimeMs(),
      recordsLocked: await unlocker.recordsLocked(),
      wrongAttempts: this.#wrongAttempts,
      ...(this.#lastWrongFrom === undefined ? {} : { lastWrongFrom: this.#lastWrongFrom }),
    };
  }

  #tell(event: (you: boolean) => Event, about: Client): void {
    for (const client of this.#clients) {
      if (client.from !== undefined) this.#send(client, event(client === about));
    }
  }

  #send(client: Client, event: Event): void {
    if (client.socket.destroyed) return;
    client.socket.write(encode(event));
    if (client.socket.writableLength > maxWaitingBytes) client.socket.destroy();
  }
}

function failure(error: unknown): Event {
  if (!isEncroCamError(error)) return { type: 'failed', code: 'INTERNAL', message: messageOf(error) };
  const { code, message, hint } = error;
  return { type: 'failed', code, message, ...(hint === undefined ? {} : { hint }) };
}

/** Serves on a listening socket that systemd opened, or on one of its own. */
export function listen(agent: Agent, where: { fd: number } | { path: string }): Promise<net.Server> {
  const server = net.createServer((socket) => agent.accept(socket));
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => resolve(server));
  });
}
