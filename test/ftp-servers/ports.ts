/** Free ports for a server: one for control and a small passive range behind it. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Few, so that a proxy can stand in front of each. */
const passivePortCount = 20;
/** Below the ports that the kernel hands out for outgoing connections. */
const firstPort = 12_000;
const lastPort = 32_000;
const maxAttempts = 50;

export interface ServerPorts {
  readonly control: number;
  readonly passive: readonly [from: number, to: number];
}

/** A block of ports on which nothing listens on any of `hosts`. */
export async function freePorts(hosts: readonly string[]): Promise<ServerPorts> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const control = randomInt(firstPort, lastPort - passivePortCount);
    const all = Array.from({ length: passivePortCount + 1 }, (_, index) => control + index);
    const checks = hosts.flatMap((host) => all.map((port) => isFree(host, port)));
    if ((await Promise.all(checks)).every(Boolean)) {
      return { control, passive: [control + 1, control + passivePortCount] };
    }
  }
  throw new Error(`No ${passivePortCount + 1} free ports in a row after ${maxAttempts} attempts.`);
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
