/** A tang server at home, on loopback: the real one, started for each connection as systemd does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { $ } from 'zx';
import { removeTemporary, temporaryDirectory } from './temporary.ts';
import { toolsTree } from './tools-tree.ts';

const run = $({ quiet: true });

export class TangServer {
  readonly port: number;
  /** Of the key that signs its advertisement. */
  readonly thumbprint: string;
  readonly #server: Server;
  readonly #directory: string;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, directory: string, thumbprint: string, sockets: Set<Socket>) {
    this.#server = server;
    this.#directory = directory;
    this.#sockets = sockets;
    this.port = (server.address() as { port: number }).port;
    this.thumbprint = thumbprint;
  }

  static async start(): Promise<TangServer> {
    const tree = await toolsTree('tang.json');
    const directory = temporaryDirectory('tang');
    const keys = path.join(directory, 'keys');
    await mkdir(keys);
    // As tangd-keygen makes them: one key to sign with, one to exchange.
    const made = { 'sign.jwk': 'ES512', 'exchange.jwk': 'ECMR' };
    for (const [name, algorithm] of Object.entries(made)) {
      const template = JSON.stringify({ alg: algorithm });
      await run`${tree.command('jose', 'jwk', 'gen', '-i', template, '-o', path.join(keys, name))}`;
    }
    const signing = path.join(keys, 'sign.jwk');
    const { stdout } = await run`${tree.command('jose', 'jwk', 'thp', '-a', 'S256', '-i', signing)}`;
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => sockets.delete(socket));
      const [program = '', ...words] = tree.command('usr/libexec/tangd', keys);
      const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'ignore'] });
      child.stdin.on('error', () => undefined);
      socket.pipe(child.stdin);
      child.stdout.pipe(socket);
      child.once('exit', () => socket.end());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TangServer(server, directory, stdout.trim(), sockets);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    removeTemporary(this.#directory);
  }
}
