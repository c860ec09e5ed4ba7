/**
 * What `encrocam status` makes of the state files: which service runs, whether it progresses, and what is
 * wrong. A function of the files, the time, and which processes live; it reads nothing itself.
 */

import { type LedgerState, ledgerStateIntervalMs } from './ledger-state.ts';
import { type LedgerStatus, ledgerProblems, ledgerStatus } from './ledger-status.ts';
import {
  type RecorderCameraState,
  type RecorderState,
  type SyncerCameraState,
  type SyncerState,
  stateIntervalMs,
} from './state.ts';

/**
 * `never-started`: there is no state. `stopped`: it ended in an orderly way. `killed`: its process is gone, and it
 * did not say so. `not-responding`: its process lives and its state is old.
 */
export type ServiceActivity = 'running' | 'stopped' | 'killed' | 'not-responding' | 'never-started';

/** The shape of `encrocam status --json`. Times are milliseconds since the epoch; what is not known is absent. */
export interface Status {
  readonly nowMs: number;
  /** Whether all services run and progress: then the exit code is 0, otherwise 2. */
  readonly healthy: boolean;
  /** What is wrong, a sentence each. */
  readonly problems: readonly string[];
  readonly recorder: ServiceStatus;
  readonly syncer: ServiceStatus & {
    readonly location?: string;
    readonly nextRetentionMs?: number;
    readonly lastMonitorMs?: number;
  };
  /** Where the configuration has one. */
  readonly ledger?: ServiceStatus & LedgerStatus;
  readonly cameras: readonly CameraStatus[];
}

export interface ServiceStatus {
  readonly activity: ServiceActivity;
  readonly pid?: number;
  readonly startedMs?: number;
  readonly updatedMs?: number;
  readonly stoppedMs?: number;
}

export interface CameraStatus {
  readonly name: string;
  readonly recorder?: RecorderCameraState;
  /** As the syncer says, without the sizes of each recording. */
  readonly syncer?: Omit<SyncerCameraState, 'confirmedBytes'>;
}

/** A service writes its state every {@link stateIntervalMs}; one that missed three of them hangs. */
export const notRespondingMs = 3 * stateIntervalMs;
export const ledgerNotRespondingMs = 3 * ledgerStateIntervalMs;
/** Recorders flush every 2 s; longer than this without a write means that no video comes. */
export const staleWriteMs = 30_000;
/** Uploads are confirmed every 10 s; longer than this with a backlog means that none goes out. */
export const staleUploadMs = 60_000;

export interface StatusInput {
  readonly nowMs: number;
  /** Names of the configured cameras. */
  readonly cameras: readonly string[];
  readonly hasDrive: boolean;
  readonly recorder: RecorderState | undefined;
  readonly syncer: SyncerState | undefined;
  /** Where the configuration has a ledger: its settings, and what its service says. */
  readonly ledger?: {
    readonly periodMs: number;
    readonly lowBalance: number;
    readonly state: LedgerState | undefined;
  };
  readonly isAlive: (pid: number) => boolean;
}

export function statusOf(input: StatusInput): Status {
  const { nowMs, recorder, syncer } = input;
  const recorderStatus = serviceStatus(recorder, input);
  const syncerStatus = serviceStatus(syncer, input);
  const ledger = input.ledger && {
    ...serviceStatus(input.ledger.state, input, ledgerNotRespondingMs),
    ...ledgerStatus(input.ledger),
  };
  const cameras = input.cameras.map((name): CameraStatus => {
    const recording = recorder?.cameras.find((camera) => camera.name === name);
    const syncing = syncer?.cameras.find((camera) => camera.name === name);
    const { confirmedBytes: _, ...uploading } = syncing ?? { confirmedBytes: undefined };
    return {
      name,
      ...(recording && { recorder: recording }),
      ...(syncing && { syncer: uploading as Omit<SyncerCameraState, 'confirmedBytes'> }),
    };
  });
  const problems = [
    ...serviceProblem('The recorder', recorderStatus.activity),
    ...serviceProblem('The syncer', syncerStatus.activity),
    ...(ledger ? serviceProblem('The ledger', ledger.activity) : []),
    ...(input.ledger && ledger?.activity === 'running' ? ledgerProblems(input.ledger, nowMs) : []),
    ...cameras.flatMap((camera) => [
      ...(recorderStatus.activity === 'running' ? recordingProblem(camera, nowMs) : []),
      ...(syncerStatus.activity === 'running' && input.hasDrive ? uploadProblem(camera, nowMs) : []),
    ]),
  ];
  return {
    nowMs,
    healthy: problems.length === 0,
    problems,
    recorder: recorderStatus,
    syncer: {
      ...syncerStatus,
      ...(syncer && { location: syncer.location }),
      ...(syncer?.nextRetentionMs !== undefined && { nextRetentionMs: syncer.nextRetentionMs }),
      ...(syncer?.lastMonitorMs !== undefined && { lastMonitorMs: syncer.lastMonitorMs }),
    },
    ...(ledger && { ledger }),
    cameras,
  };
}

type ServiceState = RecorderState | SyncerState | LedgerState;

function serviceStatus(
  state: ServiceState | undefined,
  input: StatusInput,
  limitMs = notRespondingMs,
): ServiceStatus {
  if (!state) return { activity: 'never-started' };
  const { pid, startedMs, updatedMs, stoppedMs } = state;
  return {
    activity: activityOf(state, input, limitMs),
    pid,
    startedMs,
    updatedMs,
    ...(stoppedMs !== undefined && { stoppedMs }),
  };
}

function activityOf(state: ServiceState, { nowMs, isAlive }: StatusInput, limitMs: number): ServiceActivity {
  if (state.stoppedMs !== undefined) return 'stopped';
  if (!isAlive(state.pid)) return 'killed';
  // A state from the future is of before the clock was set back: it says nothing about now.
  return Math.abs(nowMs - state.updatedMs) > limitMs ? 'not-responding' : 'running';
}

function serviceProblem(service: string, activity: ServiceActivity): string[] {
  switch (activity) {
    case 'running':
      return [];
    case 'stopped':
      return [`${service} is stopped.`];
    case 'killed':
      return [`${service} ended without saying so.`];
    case 'not-responding':
      return [`${service} does not respond.`];
    case 'never-started':
      return [`${service} was never started on these recordings.`];
  }
}

function recordingProblem({ name, recorder }: CameraStatus, nowMs: number): string[] {
  if (!recorder) return [`${name}: the recorder does not know this camera.`];
  if (recorder.activity === 'gap') return [`${name}: no video comes from the camera.`];
  if (recorder.activity === 'stopped') return [`${name}: it is not being recorded.`];
  const { lastWriteMs } = recorder;
  if (recorder.activity === 'recording' && lastWriteMs !== undefined && nowMs - lastWriteMs > staleWriteMs) {
    return [`${name}: nothing was written to the disk for ${seconds(nowMs - lastWriteMs)} s.`];
  }
  return [];
}

function uploadProblem({ name, syncer }: CameraStatus, nowMs: number): string[] {
  if (!syncer) return [`${name}: the syncer does not know this camera.`];
  const problems: string[] = [];
  if (syncer.activity === 'waiting') problems.push(`${name}: uploads are held up.`);
  else if (syncer.activity === 'stopped') problems.push(`${name}: it is not being uploaded.`);
  else if (
    syncer.backlogBytes > 0 &&
    syncer.lastUploadMs !== undefined &&
    nowMs - syncer.lastUploadMs > staleUploadMs
  ) {
    problems.push(`${name}: the drive confirmed nothing for ${seconds(nowMs - syncer.lastUploadMs)} s.`);
  }
  if (syncer.lastProblem?.includes('[STORAGE_MISMATCH]')) {
    problems.push(`${name}: the drive holds other bytes than were recorded.`);
  }
  return problems;
}

function seconds(durationMs: number): number {
  return Math.round(durationMs / 1000);
}
