import { parseRecordingName, type RecordingName } from '../recordings/names.ts';

/**
 * The recordings among file names, oldest first. Copies with other bytes (`.conflict-1`) are left out where they are not asked for: they
 * would show the same minutes twice. They are played by name.
 */
export function recordingsAmong(names: readonly string[], { withCopies = false } = {}): RecordingName[] {
  return names
    .map(parseRecordingName)
    .filter((name) => name !== undefined)
    .filter((name) => withCopies || name.conflict === undefined)
    .sort(
      (a, b) => a.startMs - b.startMs || a.lengthMs - b.lengthMs || (a.conflict ?? 0) - (b.conflict ?? 0),
    );
}
