/**
 * Which recording to write to now. Pure: it is told what lies in the camera's directory.
 *
 * Ordinarily that is the present slot's, whether it exists or not. After a power cut the file on disk may be shorter than
 * what the syncer had sent of it already, and to append to it would make disk and drive differ for good. So a new
 * recording is begun, from the present second to the slot's end; later runs go on with the newest one of the slot.
 */
import {
  parseRecordingName,
  type RecordingName,
  recordingAt,
  recordingBetween,
} from '../recordings/names.ts';

export interface SlotQuestion {
  readonly nowMs: number;
  readonly slotMs: number;
  /** Names of files in the camera's directory. */
  readonly existing: readonly string[];
  /** What is there may have lost its end. */
  readonly afterPowerCut: boolean;
}

export function chooseRecording({ nowMs, slotMs, existing, afterPowerCut }: SlotQuestion): RecordingName {
  const slot = recordingAt(nowMs, slotMs);
  const newest = existing
    .map(parseRecordingName)
    .filter((name) => name !== undefined)
    .filter((name) => name.conflict === undefined && name.startMs <= nowMs && endsTogether(name, slot))
    .sort((a, b) => a.startMs - b.startMs)
    .at(-1);
  if (!newest) return slot;
  if (!afterPowerCut) return newest;
  // Twice within a second: the next one's name is taken by the one before it.
  const startMs = Math.max(Math.floor(nowMs / 1000) * 1000, newest.startMs + 1000);
  const endMs = slot.startMs + slot.lengthMs;
  return startMs < endMs ? recordingBetween(startMs, endMs) : newest;
}

/** Whether two recordings end at the same time: then they belong to one slot. */
export function endsTogether(one: RecordingName, other: RecordingName): boolean {
  return one.startMs + one.lengthMs === other.startMs + other.lengthMs;
}
