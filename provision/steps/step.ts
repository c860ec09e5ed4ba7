/**
 * A step of provisioning, and the runner. A step changes one thing, can be run again at any time, and tells from the
 * disk whether it is done: after a power cut the runner starts at the top and passes over what is done.
 */
import type { Logger } from '../../runtime/log.ts';
import type { Answers, OwnerKey } from '../answers/types.ts';
import type { Place } from '../place.ts';
import type { System } from '../system.ts';

/** How provisioning tells a person, or a log, what it does. */
export interface Reporter {
  /** A step begins. `title` reads like "Making the encrypted config volume". */
  started(id: string, title: string): void;
  /** The step is done; `skipped` if it was done already. */
  finished(id: string, title: string, outcome: 'done' | 'skipped'): void;
  /** Something is not as it should be, and provisioning goes on. */
  warning(message: string, hint?: string): void;
  /** Something worth knowing: a fingerprint, an address. */
  note(message: string): void;
}

export interface StepContext {
  readonly system: System;
  readonly place: Place;
  readonly answers: Answers;
  readonly reporter: Reporter;
  readonly logger: Logger;
  /** Gets an owner's key from where the answer says it is: text, boot partition, web. Bounded in time and size. */
  readonly fetchOwnerKey: (key: OwnerKey, signal?: AbortSignal) => Promise<string | Uint8Array>;
  /** Ends waits for the network early. */
  readonly signal?: AbortSignal;
}

export interface Step {
  readonly id: string;
  /** What it does, as a phrase that stands before "…". */
  readonly title: string;
  isDone(context: StepContext): Promise<boolean>;
  run(context: StepContext): Promise<void>;
}

/** Runs what is not done yet, in order. The first failure ends it; calling it again resumes there. */
export async function runSteps(steps: readonly Step[], context: StepContext): Promise<void> {
  for (const step of steps) {
    if (await step.isDone(context)) {
      context.reporter.finished(step.id, step.title, 'skipped');
      continue;
    }
    context.reporter.started(step.id, step.title);
    await step.run(context);
    context.reporter.finished(step.id, step.title, 'done');
  }
}
