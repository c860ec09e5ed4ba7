/** What is half made is taken away when somebody stops the program: the keys and the video in it are for nobody else's eyes. */

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What a process is to this module. */
export interface Stoppable {
  readonly pid: number;
  on(signal: (typeof signals)[number], listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: (typeof signals)[number], listener: (signal: NodeJS.Signals) => void): unknown;
  kill(pid: number, signal: NodeJS.Signals): unknown;
}

/**
 * Until `forget` is called, a signal that ends the process takes away what is half made first.
 * @param remove at once, without waiting for anything: nothing comes after it.
 */
export function removeOnSignal(remove: () => void, stopped: Stoppable = process): { forget: () => void } {
  const forget = (): void => {
    for (const signal of signals) stopped.off(signal, onSignal);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    forget();
    try {
      remove();
    } finally {
      // Now nobody listens: it ends the process, and whoever started that sees by what.
      stopped.kill(stopped.pid, signal);
    }
  };
  for (const signal of signals) stopped.on(signal, onSignal);
  return { forget };
}
