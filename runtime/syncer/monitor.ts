/**
 * When to call the uptime monitor. Its silence is the alarm: it is called only when every camera was both recorded
 * and uploaded since the last call, and nothing else is wrong that the owner has to mend. Decides only; `monitor-client.ts` calls.
 */

/** Counters of one camera; they only ever grow. */
export interface CameraProgress {
  readonly name: string;
  readonly recordedBytes: number;
  /** Bytes that the drive confirmed; `undefined` where there is no drive. */
  readonly uploadedBytes: number | undefined;
}

export type MonitorSignal = 'start' | 'success' | 'fail';

export interface MonitorOptions {
  readonly intervalMs: number;
  readonly startAndFailSignals: boolean;
}

/**
 * Without progress for this long, a camera has stopped: longer than the pauses between attempts to restart a camera
 * or to reach a drive, so that what mends itself at once is no alarm.
 */
export const stalledAfterMs = 90_000;

interface Watched {
  /** Counters at the last success signal. */
  recordedBytes: number;
  uploadedBytes: number;
  /** Counters when they last grew, and when that was. */
  lastRecordedBytes: number;
  lastUploadedBytes: number;
  recordedMs: number;
  uploadedMs: number;
}

export class Monitor {
  readonly #options: MonitorOptions;
  readonly #watched = new Map<string, Watched>();
  #started = false;
  #failing = false;
  #calledMs: number | undefined;

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  /**
   * The signal that is due now, if one is. Ask it every few seconds.
   * @param options `isAlarmed`: something else is wrong.
   */
  check(
    cameras: readonly CameraProgress[],
    nowMs: number,
    { isAlarmed = false } = {},
  ): MonitorSignal | undefined {
    for (const camera of cameras) this.#note(camera, nowMs);
    const { intervalMs, startAndFailSignals } = this.#options;
    if (!this.#started) {
      this.#started = true;
      if (startAndFailSignals) return 'start';
    }
    const watched = cameras.map((camera) => this.#watched.get(camera.name));
    const stalled = watched.some((camera) => camera !== undefined && isStalled(camera, nowMs));
    if (stalled || isAlarmed) {
      if (this.#failing) return undefined;
      this.#failing = true;
      return startAndFailSignals ? 'fail' : undefined;
    }
    // After a failure the good news does not wait for the interval.
    const due = this.#failing || this.#calledMs === undefined || nowMs - this.#calledMs >= intervalMs;
    if (!due || !watched.every((camera) => camera !== undefined && hasProgressed(camera))) return undefined;
    this.#failing = false;
    this.#calledMs = nowMs;
    for (const camera of watched) {
      if (!camera) continue;
      camera.recordedBytes = camera.lastRecordedBytes;
      camera.uploadedBytes = camera.lastUploadedBytes;
    }
    return 'success';
  }

  #note(camera: CameraProgress, nowMs: number): void {
    // Without a drive, what is recorded is where it belongs.
    const { name, recordedBytes, uploadedBytes = recordedBytes } = camera;
    const known = this.#watched.get(name);
    if (!known) {
      this.#watched.set(name, {
        recordedBytes,
        uploadedBytes,
        lastRecordedBytes: recordedBytes,
        lastUploadedBytes: uploadedBytes,
        recordedMs: nowMs,
        uploadedMs: nowMs,
      });
      return;
    }
    if (recordedBytes > known.lastRecordedBytes) {
      known.lastRecordedBytes = recordedBytes;
      known.recordedMs = nowMs;
    }
    if (uploadedBytes > known.lastUploadedBytes) {
      known.lastUploadedBytes = uploadedBytes;
      known.uploadedMs = nowMs;
    }
  }
}

function isStalled(camera: Watched, nowMs: number): boolean {
  return nowMs - Math.min(camera.recordedMs, camera.uploadedMs) > stalledAfterMs;
}

function hasProgressed(camera: Watched): boolean {
  return camera.lastRecordedBytes > camera.recordedBytes && camera.lastUploadedBytes > camera.uploadedBytes;
}

/**
 * The address for a signal, in the manner of healthchecks.io: `/start` and `/fail` after the path, before a query.
 */
export function signalUrl(url: string, signal: MonitorSignal): string {
  if (signal === 'success') return url;
  const address = new URL(url);
  address.pathname = `${address.pathname.replace(/\/+$/, '')}/${signal}`;
  return address.href;
}
