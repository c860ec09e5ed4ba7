/**
 * An FTP server that answers whatever a test tells it to: what a broken or hostile drive could send. Plain FTP, or
 * explicit TLS with a given certificate. It keeps to the protocol wherever no answer was given.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';

export type Answer = string | ((control: Socket, argument: string) => void);

export interface LyingServerOptions {
  /** By command (`SIZE`, `EPSV`, …; `greeting` for the first line): a line, or what to do. */
  answers?: Readonly<Record<string, Answer>>;
  /** Writes what a listing or download brings; the reply around it is orderly. */
  data?: (socket: Socket) => void;
  /** PEM, for AUTH TLS. */
  tls?: { cert: string; key: string };
}

export interface LyingServer {
  readonly host: string;
  readonly port: number;
  /** Commands received, without arguments. */
  readonly commands: readonly string[];
  /** Bytes that uploads brought. */
  readonly received: number;
  stop(): Promise<void>;
}

export async function startLyingServer(options: LyingServerOptions = {}): Promise<LyingServer> {
  const server = new FakeServer(options);
  await server.listen();
  return server;
}

class FakeServer implements LyingServer {
  readonly host = '127.0.0.1';
  readonly commands: string[] = [];
  received = 0;
  readonly #options: LyingServerOptions;
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();
  readonly #dataListeners = new Set<Server>();

  constructor(options: LyingServerOptions) {
    this.#options = options;
    this.#listener = createServer((socket) => this.#serve(socket));
  }

  get port(): number {
    const address = this.#listener.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#listener.listen(0, this.host, resolve));
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const listener of this.#dataListeners) listener.close();
    await new Promise<void>((resolve) => this.#listener.close(() => resolve()));
  }

  #keep<T extends Socket>(socket: T): T {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }

  #serve(socket: Socket): void {
    const session = new FakeSession(this.#options, (command) => this.commands.push(command), {
      keep: (data) => this.#keep(data),
      listener: (listener) => this.#dataListeners.add(listener),
      received: (count) => {
        this.received += count;
      },
    });
    session.begin(this.#keep(socket));
  }
}

interface Bookkeeping {
  keep(socket: Socket): Socket;
  listener(listener: Server): void;
  received(count: number): void;
}

const orderly: Readonly<Record<string, string>> = {
  USER: '331 Password?',
  PASS: '230 Welcome',
  FEAT: '211 None',
  TYPE: '200 Binary',
  PBSZ: '200 0',
  PROT: '200 P',
  OPTS: '501 No',
  CWD: '250 There',
  SIZE: '213 1000',
  REST: '350 Restarting',
  DELE: '250 Gone',
  MKD: '257 Made',
  RNFR: '350 To?',
  RNTO: '250 Renamed',
  QUIT: '221 Bye',
};

class FakeSession {
  readonly #options: LyingServerOptions;
  readonly #note: (command: string) => void;
  readonly #books: Bookkeeping;
  #data: Promise<Socket> | undefined;
  #text = '';

  constructor(options: LyingServerOptions, note: (command: string) => void, books: Bookkeeping) {
    this.#options = options;
    this.#note = note;
    this.#books = books;
  }

  begin(socket: Socket): void {
    const greeting = this.#options.answers?.greeting ?? '220 Ready';
    this.#read(socket);
    if (typeof greeting === 'string') socket.write(`${greeting}\r\n`);
    else greeting(socket, '');
  }

  #read(control: Socket): void {
    const onData = (bytes: Buffer): void => {
      this.#text += bytes.toString('latin1');
      for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
        const line = this.#text.slice(0, end).trimEnd();
        this.#text = this.#text.slice(end + 1);
        const [command = '', ...rest] = line.split(' ');
        this.#note(command);
        if (command === 'AUTH' && this.#options.tls && !this.#options.answers?.AUTH) {
          control.off('data', onData);
          control.write('234 Go\r\n', () => this.#secure(control));
          return;
        }
        void this.#answer(control, command, rest.join(' '));
      }
    };
    control.on('data', onData);
  }

  #secure(control: Socket): void {
    if (!this.#options.tls) return;
    const secureContext = createSecureContext(this.#options.tls);
    this.#read(this.#books.keep(new TLSSocket(control, { isServer: true, secureContext })));
  }

  async #answer(control: Socket, command: string, argument: string): Promise<void> {
    const told = this.#options.answers?.[command];
    if (typeof told === 'function') return told(control, argument);
    if (told !== undefined) return void control.write(`${told}\r\n`);
    switch (command) {
      case 'EPSV':
        control.write(`229 Passive (|||${await this.#openData()}|)\r\n`);
        return;
      case 'LIST':
      case 'MLSD':
      case 'RETR': {
        control.write('150 Here it comes\r\n');
        const data = await this.#data;
        data?.once('close', () => control.write('226 Done\r\n'));
        if (data) this.#options.data?.(data);
        return;
      }
      case 'APPE': {
        control.write('150 Go on\r\n');
        const data = await this.#data;
        data?.on('data', (bytes) => this.#books.received(bytes.length));
        data?.once('end', () => control.write('226 Stored\r\n'));
        return;
      }
      default:
        control.write(`${orderly[command] ?? '502 Unknown'}\r\n`);
    }
  }

  /** Listens for one data connection; resolves with its port. */
  #openData(): Promise<number> {
    return new Promise((resolve) => {
      const listener = createServer();
      this.#books.listener(listener);
      this.#data = new Promise((resolveData) => {
        listener.once('connection', (socket) => {
          listener.close();
          resolveData(this.#books.keep(socket));
        });
      });
      listener.listen(0, '127.0.0.1', () => {
        const address = listener.address();
        resolve(typeof address === 'object' && address ? address.port : 0);
      });
    });
  }
}
