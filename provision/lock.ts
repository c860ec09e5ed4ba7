/**
 * One provisioning at a time: the wizard on one console, over SSH, or the unattended one. The lock is an abstract
 * Unix socket, which dies with its process; whoever finds it taken asks the holder over it where that runs.
 */
import net from 'node:net';
import { EncroCamError, systemErrorCode } from '../runtime/errors.ts';
import { printable } from '../runtime/log.ts';

const socketName = '\0encrocam-provisioning';
const maxAnswerBytes = 256;
const answerTimeoutMs = 2_000;

export interface ProvisioningLock {
  /** Gives the lock back. Calling it again does nothing. */
  release(): Promise<void>;
}

/**
 * Takes the lock.
 * @param where what others are told, as in "on the serial console ttyAMA0" or "over SSH from 192.0.2.7".
 * @throws {EncroCamError} `ALREADY_RUNNING`, with the holder's `where` in its message.
 */
export async function lockProvisioning(where: string, name = socketName): Promise<ProvisioningLock> {
  const server = net.createServer((connection) => {
    connection.on('error', () => undefined);
    connection.end(where.slice(0, maxAnswerBytes / 4));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(name, resolve);
  }).catch(async (error: unknown) => {
    if (systemErrorCode(error) !== 'EADDRINUSE') throw error;
    const holder = await provisioningHolder(name);
    throw new EncroCamError('ALREADY_RUNNING', `The camera is being set up ${holder ?? 'elsewhere'}.`, {
      hint: 'Go on there, or end it there first.',
    });
  });
  server.unref();
  let released: Promise<void> | undefined;
  return {
    release() {
      released ??= new Promise((resolve) => server.close(() => resolve()));
      return released;
    },
  };
}

/** Where provisioning runs at the moment, or `undefined` if it does not. */
export async function provisioningHolder(name = socketName): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = net.connect(name);
    socket.setTimeout(answerTimeoutMs, () => socket.destroy());
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      answer = (answer + text).slice(0, maxAnswerBytes);
    });
    socket.once('error', (error) => {
      if (systemErrorCode(error) === 'ECONNREFUSED') resolve(undefined);
      else reject(error);
    });
    socket.once('close', () => resolve(printable(answer) || 'elsewhere'));
  });
}
