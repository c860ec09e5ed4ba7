/** What a camera's days are made of. */
import type { Stretch } from '../encrocrypt/v3/index.ts';

export type State = Stretch['verdict'] | 'locked' | 'not authentic' | 'gap' | 'not recorded';

/** Milliseconds since the epoch, by the camera's clock. */
export interface Interval {
  readonly state: State;
  readonly fromMs: number;
  readonly toMs: number;
  readonly cause?: string;
  readonly file?: string;
}
