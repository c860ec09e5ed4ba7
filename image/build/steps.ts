/** The steps in their order, and which of them a command line selects. */
import { ImageError } from '../errors.ts';

export const steps = ['packages', 'bootstrap', 'rootfs', 'boot', 'partitions', 'artifacts'] as const;
export type Step = (typeof steps)[number];

export interface Selection {
  readonly only?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export function selectSteps({ only, from, to }: Selection): readonly Step[] {
  if (only !== undefined && (from !== undefined || to !== undefined)) {
    throw new ImageError('USAGE', '--only excludes --from and --to.');
  }
  const first = from ?? only;
  const last = to ?? only;
  const start = first === undefined ? 0 : indexOf(first);
  const end = last === undefined ? steps.length - 1 : indexOf(last);
  if (start > end) throw new ImageError('USAGE', `${first} comes after ${last}.`);
  return steps.slice(start, end + 1);
}

function indexOf(name: string): number {
  const index = (steps as readonly string[]).indexOf(name);
  if (index >= 0) return index;
  throw new ImageError('USAGE', `There is no step ${JSON.stringify(name)}.`, {
    hint: `Steps: ${steps.join(', ')}.`,
  });
}
