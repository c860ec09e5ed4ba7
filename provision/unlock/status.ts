/** What is locked and since when, or how recording goes: for `ssh unlock@camera status`. */
import { hostname } from 'node:os';
import { exitCode } from '../../runtime/exit-codes.ts';
import { type AgentClient, connectAgent } from './agent-client.ts';
import { duration, lockedText } from './front-end.ts';
import type { Event } from './protocol.ts';

/** Prints it. @returns the exit code: 0 only if the camera is unlocked. */
export async function showStatus(from: string): Promise<number> {
  const agent = await connectAgent(from);
  try {
    const state = await nextEvent(agent, 'state');
    switch (state.state) {
      case 'new':
        process.stdout.write(`EncroCam on ${hostname()} is new: it waits to be set up.\n`);
        return exitCode.usage;
      case 'locked':
        process.stdout.write(lockedText(hostname(), state));
        return exitCode.usage;
      case 'recording': {
        process.stdout.write(
          `EncroCam on ${hostname()} is unlocked; it was started ${duration(state.forMs)} ago.\n`,
        );
        const report = nextEvent(agent, 'report');
        agent.send({ type: 'report' });
        process.stdout.write((await report).text);
        return exitCode.whole;
      }
    }
  } finally {
    agent.close();
  }
}

type EventOf<T extends Event['type']> = Extract<Event, { type: T }>;

function nextEvent<T extends Event['type']>(agent: AgentClient, type: T): Promise<EventOf<T>> {
  return new Promise((resolve, reject) => {
    agent.onEvent((event) => {
      if (event.type === type) resolve(event as EventOf<T>);
      else if (event.type === 'failed') reject(new Error(event.message));
    });
    agent.onClose(() => reject(new Error('the unlock agent hung up')));
  });
}
