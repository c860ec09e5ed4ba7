/** QEMU's monitor (QMP): one command at a time over a socket, an error is thrown as what QEMU said. */
import type { Socket } from 'node:net';

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** No command of ours takes longer, unless the machine is gone. */
const answerTimeoutMs = 60_000;

export class Qmp {
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  #buffer = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#take(text));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('QEMU closed its monitor.')));
  }

  /** Takes over a socket on which QEMU has just connected. */
  static async over(socket: Socket): Promise<Qmp> {
    const qmp = new Qmp(socket);
    await qmp.run('qmp_capabilities');
    return qmp;
  }

  run(execute: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`QEMU does not answer ${execute} within ${answerTimeoutMs / 1000} s.`)),
        answerTimeoutMs,
      );
      const done = (): void => clearTimeout(timer);
      this.#waiting.push({
        resolve: (value) => {
          done();
          resolve(value);
        },
        reject: (error) => {
          done();
          reject(new Error(`${execute}: ${error.message}`));
        },
      });
      this.#socket.write(`${JSON.stringify({ execute, ...(args ? { arguments: args } : {}) })}\n`);
    });
  }

  #take(text: string): void {
    this.#buffer += text;
    const lines = this.#buffer.split('\n');
    this.#buffer = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() === '') continue;
      const message = JSON.parse(line) as { return?: unknown; error?: { desc?: string } };
      // Greeting and events have neither.
      if ('return' in message) this.#waiting.shift()?.resolve(message.return);
      else if (message.error) this.#waiting.shift()?.reject(new Error(message.error.desc ?? 'unknown'));
    }
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
