/**
 * What is called when motion begins: a program, and an address. Neither may hold up recording: nothing here throws, what is
 * asked for while the call before runs waits (one of each zone at most), and every wait has an end.
 */
import type { MotionConfig } from '../config/types.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Clock } from './clock.ts';
import type { MotionBegins, MotionReport } from './motion.ts';
import { runMotionCommand } from './motion-command.ts';
import { callWebhook, type WebhookBounds, webhookBounds } from './motion-webhook.ts';

export interface MotionActionsOptions {
  readonly camera: string;
  readonly motion: MotionConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often and how long the address is tried; tests are less patient. */
  readonly webhookBounds?: WebhookBounds;
}

export class MotionActions {
  readonly #options: MotionActionsOptions;
  readonly #queues: readonly CallQueue[];
  readonly #stop = new AbortController();
  /** When each zone was last told of, on the monotonic clock. */
  readonly #toldMs = new Map<string, number>();

  constructor(options: MotionActionsOptions) {
    this.#options = options;
    const { motion, logger } = options;
    const { command, commandTimeoutSeconds, webhook } = motion;
    const { signal } = this.#stop;
    const queues: CallQueue[] = [];
    if (command !== undefined) {
      const timeoutMs = commandTimeoutSeconds * 1000;
      const run = (report: MotionReport): Promise<void> =>
        runMotionCommand({ command, report, timeoutMs, signal });
      queues.push(new CallQueue('motion.command', run, signal, logger));
    }
    if (webhook !== undefined) {
      const bounds = options.webhookBounds ?? webhookBounds;
      const call = (report: MotionReport): Promise<void> =>
        callWebhook({ url: webhook, report, bounds, signal });
      queues.push(new CallQueue('motion.webhook', call, signal, logger));
    }
    this.#queues = queues;
  }

  /** Motion began. Returns at once. */
  begins({ zone, score }: MotionBegins): void {
    const { camera, motion, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const toldMs = this.#toldMs.get(zone);
    if (toldMs !== undefined && nowMs - toldMs < motion.cooldownSeconds * 1000) return;
    this.#toldMs.set(zone, nowMs);
    const time = new Date(clock.nowMs()).toISOString();
    for (const queue of this.#queues) queue.add({ what: 'motion', camera, zone, score, time });
  }

  /** Ends what runs and forgets what waits. Resolves when nothing is left; never rejects. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#queues.map((queue) => queue.settled));
  }
}

/** One call at a time; of those that wait, the latest of each zone. */
class CallQueue {
  readonly #name: string;
  readonly #call: (report: MotionReport) => Promise<void>;
  readonly #signal: AbortSignal;
  readonly #logger: Logger;
  readonly #waiting = new Map<string, MotionReport>();
  #running: Promise<void> | undefined;

  constructor(
    name: string,
    call: (report: MotionReport) => Promise<void>,
    signal: AbortSignal,
    logger: Logger,
  ) {
    this.#name = name;
    this.#call = call;
    this.#signal = signal;
    this.#logger = logger;
  }

  get settled(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  add(report: MotionReport): void {
    if (this.#signal.aborted) return;
    this.#waiting.set(report.zone, report);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    // What is called is not called from within the handler of a picture.
    await Promise.resolve();
    for (const [zone, report] of this.#waiting) {
      if (this.#signal.aborted) return;
      this.#waiting.delete(zone);
      try {
        await this.#call(report);
        this.#logger.debug(`${this.#name} was told of motion`, { zone });
      } catch (error) {
        if (this.#signal.aborted) return;
        this.#logger.warn(`${this.#name} failed`, { zone, cause: messageOf(error) });
      }
    }
  }
}
