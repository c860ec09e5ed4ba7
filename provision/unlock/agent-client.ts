/** A front end's connection to the agent. */
import net from 'node:net';
import { EncroCamError, messageOf } from '../../runtime/errors.ts';
import { paths } from '../place.ts';
import { type Event, encode, LineSplitter, maxEventBytes, parseEvent, type Request } from './protocol.ts';

export interface AgentClient {
  send(request: Request): void;
  onEvent(listener: (event: Event) => void): void;
  /** Called once, however the connection ends. */
  onClose(listener: () => void): void;
  close(): void;
}

/** @throws {EncroCamError} `AGENT_UNREACHABLE` */
export function connectAgent(from: string, socketPath: string = paths.agentSocket): Promise<AgentClient> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath);
    const lines = new LineSplitter(maxEventBytes);
    let listener: ((event: Event) => void) | undefined;
    // What arrives before somebody listens is kept: the first message is the state.
    const early: Event[] = [];
    const client: AgentClient = {
      send: (request) => void socket.write(encode(request)),
      onEvent(next) {
        listener = next;
        for (const event of early.splice(0)) next(event);
      },
      onClose: (next) => void socket.once('close', () => next()),
      close: () => void socket.destroy(),
    };
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const line of lines.push(chunk)) {
          const event = parseEvent(line);
          if (listener) listener(event);
          else early.push(event);
        }
      } catch {
        // An agent of another version: the front end starts again, and finds the new one.
        socket.destroy();
      }
    });
    socket.once('error', (error) => {
      reject(
        new EncroCamError('AGENT_UNREACHABLE', `The unlock agent cannot be reached: ${messageOf(error)}.`, {
          hint: 'See: systemctl status encrocam-agent.socket encrocam-agent.service',
          cause: error,
        }),
      );
    });
    socket.once('connect', () => {
      client.send({ type: 'hello', from });
      resolve(client);
    });
  });
}
