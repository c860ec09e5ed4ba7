/**
 * A network that fails on command, without root: a TCP proxy on another loopback address, with the server's own
 * port numbers, so that EPSV leads the client's data connections through it as well.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface FlakyNetwork {
  /** What the client connects to instead of the server's address; the ports are the server's. */
  readonly host: string;
  /** All bytes forwarded so far, both kinds of connections. */
  readonly bytesToServer: number;
  readonly bytesToClient: number;
  /** Connections open now. */
  readonly connections: number;
  /** Data connections that the client reset, rather than closed in order. */
  readonly resetsByClient: number;
  /**
   * Cuts the network until `heal`. Loudly: open connections are reset and new ones too. Silently: everything stays
   * open, new connections are taken, and no byte passes.
   */
  cut(options?: { silently?: boolean }): void;
  /** Lets bytes pass again; connections that were cut silently go on. */
  heal(): void;
  /** Resets the data connection that is first to carry `bytes` more bytes to the server; resolves then. */
  cutAfterBytes(bytes: number): Promise<void>;
  stop(): Promise<void>;
}

export interface ProxiedServer {
  readonly host: string;
  readonly port: number;
  readonly passivePorts: readonly [from: number, to: number];
}

export async function startFlakyNetwork(server: ProxiedServer, host = '127.0.0.2'): Promise<FlakyNetwork> {
  const network = new TcpProxy(server, host);
  await network.listen();
  return network;
}

interface Connection {
  readonly client: Socket;
  readonly upstream: Socket;
  readonly isData: boolean;
}

class TcpProxy implements FlakyNetwork {
  readonly host: string;
  bytesToServer = 0;
  bytesToClient = 0;
  resetsByClient = 0;
  readonly #server: ProxiedServer;
  readonly #listeners: Server[] = [];
  readonly #connections = new Set<Connection>();
  /** Taken while the network was cut silently: they lead nowhere. */
  readonly #strays = new Set<Socket>();
  #state: 'up' | 'cut' | 'silent' = 'up';
  #budget: { left: number; spent: () => void } | undefined;

  constructor(server: ProxiedServer, host: string) {
    this.#server = server;
    this.host = host;
  }

  get connections(): number {
    return this.#connections.size + this.#strays.size;
  }

  async listen(): Promise<void> {
    const [from, to] = this.#server.passivePorts;
    const ports = [this.#server.port];
    for (let port = from; port <= to; port++) ports.push(port);
    try {
      await Promise.all(ports.map((port) => this.#listenOn(port)));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  #listenOn(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) =>
        this.#accept(client, port),
      );
      this.#listeners.push(listener);
      listener.once('error', reject);
      listener.listen({ host: this.host, port }, resolve);
    });
  }

  #accept(client: Socket, port: number): void {
    if (this.#state === 'cut') {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    if (this.#state === 'silent') {
      this.#strays.add(client);
      client.on('error', () => undefined);
      client.once('close', () => this.#strays.delete(client));
      return;
    }
    const upstream = connect({ host: this.#server.host, port, allowHalfOpen: true, noDelay: true });
    const connection: Connection = { client, upstream, isData: port !== this.#server.port };
    this.#connections.add(connection);
    this.#forward(connection, client, upstream, (bytes) => this.#toServer(connection, bytes));
    this.#forward(connection, upstream, client, (bytes) => {
      this.bytesToClient += bytes.length;
      return bytes;
    });
  }

  #forward(connection: Connection, from: Socket, to: Socket, pass: (bytes: Buffer) => Buffer): void {
    from.on('data', (bytes: Buffer) => {
      const passed = pass(bytes);
      if (passed.length > 0 && !to.destroyed && !to.write(passed)) from.pause();
    });
    to.on('drain', () => {
      if (this.#state === 'up') from.resume();
    });
    from.on('end', () => to.end());
    from.on('error', (error: NodeJS.ErrnoException) => {
      if (connection.isData && from === connection.client && error.code === 'ECONNRESET')
        this.resetsByClient++;
      this.#reset(connection);
    });
    from.once('close', () => {
      if (from.destroyed && to.destroyed) this.#connections.delete(connection);
      if (from.errored) this.#reset(connection);
    });
  }

  #toServer(connection: Connection, bytes: Buffer): Buffer {
    const budget = connection.isData ? this.#budget : undefined;
    if (!budget || budget.left > bytes.length) {
      if (budget) budget.left -= bytes.length;
      this.bytesToServer += bytes.length;
      return bytes;
    }
    this.#budget = undefined;
    const last = bytes.subarray(0, budget.left);
    this.bytesToServer += last.length;
    // The server gets what was let through, and then a reset rather than an orderly end.
    connection.upstream.write(last, () => {
      this.#reset(connection);
      budget.spent();
    });
    return Buffer.alloc(0);
  }

  #reset(connection: Connection): void {
    this.#connections.delete(connection);
    for (const socket of [connection.client, connection.upstream]) {
      socket.on('error', () => undefined);
      socket.resetAndDestroy();
    }
  }

  cut({ silently = false }: { silently?: boolean } = {}): void {
    this.#state = silently ? 'silent' : 'cut';
    for (const connection of [...this.#connections]) {
      if (silently) {
        connection.client.pause();
        connection.upstream.pause();
      } else {
        this.#reset(connection);
      }
    }
  }

  heal(): void {
    this.#state = 'up';
    for (const stray of this.#strays) stray.resetAndDestroy();
    for (const { client, upstream } of this.#connections) {
      client.resume();
      upstream.resume();
    }
  }

  cutAfterBytes(bytes: number): Promise<void> {
    return new Promise((resolve) => {
      this.#budget = { left: bytes, spent: resolve };
    });
  }

  async stop(): Promise<void> {
    this.cut();
    for (const stray of this.#strays) stray.resetAndDestroy();
    await Promise.all(
      this.#listeners.map((listener) => new Promise<void>((resolve) => listener.close(() => resolve()))),
    );
  }
}
