/** A camera that exists in memory only, for tests of the questions. */
import { EncroCamError } from '../../runtime/errors.ts';
import type { Machine, ProgressFile, TestRecording } from './machine.ts';

export interface FakeMachine extends Machine {
  /** What was done, in order. */
  readonly done: string[];
  /** What the next uses of these fail with, once each. */
  readonly failures: { camera: Error[]; storage: Error[]; monitor: Error[]; key: Error[] };
  readonly keys: Map<string, string>;
  passphrase: string | undefined;
  isOpen: boolean;
}

export const testRecording: TestRecording = {
  bytes: 250_000,
  seconds: 4,
  frames: 60,
  encoder: 'libx264',
  width: 640,
  height: 360,
  picture: { width: 2, height: 2, rgb: new Uint8Array(12) },
};

export function fakeMachine(change: Partial<Machine> = {}): FakeMachine {
  const done: string[] = [];
  const failures: FakeMachine['failures'] = { camera: [], storage: [], monitor: [], key: [] };
  const failOnce = (errors: Error[]): void => {
    const error = errors.shift();
    if (error) throw error;
  };
  const file = (name: string): ProgressFile => {
    let content: string | undefined;
    return {
      read: async () => content,
      async write(text) {
        done.push(`write ${name}`);
        content = text;
      },
    };
  };
  const machine: FakeMachine = {
    kind: 'card',
    done,
    failures,
    keys: new Map(),
    passphrase: undefined,
    isOpen: false,
    isDone: async () => false,
    progress: file('progress'),
    secretProgress: file('secret progress'),
    volume: {
      isMade: async () => machine.passphrase !== undefined,
      async make(passphrase) {
        done.push('make volume');
        machine.passphrase = passphrase;
        machine.isOpen = true;
      },
      async open(passphrase) {
        if (passphrase !== machine.passphrase) throw new EncroCamError('PASSPHRASE_WRONG', 'It is wrong.');
        machine.isOpen = true;
      },
      async close() {
        machine.isOpen = false;
      },
      async addRecoveryKey() {
        done.push('add recovery key');
        return 'lusab-babad-gutih-tugad-zomun-nikod-hapad-vobiz';
      },
    },
    givenAnswers: async () => ({ answers: {}, notes: [] }),
    listKeyFiles: async () => [...machine.keys.keys()],
    async fetchOwnerKey(key) {
      failOnce(failures.key);
      if (key.from === 'text') return key.armored;
      const name = key.from === 'file' ? key.file : key.from === 'url' ? key.url : key.address;
      return machine.keys.get(name) ?? '';
    },
    listTimeZones: async () => [
      { name: 'Etc/UTC', country: undefined },
      { name: 'Europe/Berlin', country: 'DE' },
    ],
    hasRadio: async () => false,
    async joinWifi({ ssid }) {
      done.push(`join ${ssid}`);
    },
    addresses: () => ['192.0.2.7'],
    listCameras: async () => [],
    async testCamera(camera) {
      done.push(`test ${camera.input.device}`);
      failOnce(failures.camera);
      return testRecording;
    },
    async tryStorage(storage) {
      done.push(`try ${storage.driver}`);
      failOnce(failures.storage);
      return { location: 'the drive', uploadBytesPerSecond: 1_000_000 };
    },
    async tryMonitor() {
      failOnce(failures.monitor);
    },
    space: async () => ({ freeBytes: 50e9, totalBytes: 60e9 }),
    async finish() {
      done.push('finish');
      return { fingerprint: 'A'.repeat(40), publicKey: '-----BEGIN PGP PUBLIC KEY BLOCK-----' };
    },
    ...change,
  };
  return machine;
}
