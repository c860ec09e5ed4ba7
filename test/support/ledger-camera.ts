/** A camera with a ledger, for tests: its directories, its key, runs that ended, and the service on a clock of its own. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Address, Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import type { ContractAddresses } from '../../contracts/deploy.ts';
import { openSigner } from '../../ledger/identity/index.ts';
import { LedgerService, type ServiceTimes } from '../../ledger/service/service.ts';
import { decodeTreeFile } from '../../ledger/trees/files.ts';
import { TreeStore } from '../../ledger/trees/store.ts';
import { type LoadedConfig, resolveConfig } from '../../runtime/config/load.ts';
import type { LedgerConfig } from '../../runtime/config/types.ts';
import { validateConfig } from '../../runtime/config/validate.ts';
import { createLogger } from '../../runtime/log.ts';
import { EndedRunsJournal } from '../../runtime/state/ended-runs.ts';
import { type LedgerState, readLedgerState } from '../../runtime/state/ledger-state.ts';

export const periodMs = 3600_000;
export const quickTimes: ServiceTimes = {
  intervalMs: 60,
  sendingIntervalMs: 40,
  stuckMs: 400,
  nodeTimeoutMs: 1000,
};

export interface LedgerCamera {
  readonly directory: string;
  readonly configFile: string;
  readonly config: LoadedConfig & { readonly ledger: LedgerConfig };
  readonly address: Address;
  readonly privateKey: Hex;
  /** What the services' clock says; to be set. */
  nowMs: number;
  /** What the service said since the test began, a line each. */
  readonly log: string[];
  /** A run ends now. */
  record(): Promise<void>;
  /** A run ends, and with it a period. */
  recordPeriod(): Promise<void>;
  start(options?: { once?: boolean }): RunningLedger;
  state(): Promise<LedgerState | undefined>;
  /** As many periods as the service would close that is not there. */
  recordPeriodsAlone(count: number): Promise<void>;
  /** Ids of the trees on the disk, and runs in them. */
  trees(): Promise<{ readonly ids: readonly string[]; readonly runs: number }>;
  /** Stops what runs, first. */
  remove(): Promise<void>;
}

export interface RunningLedger {
  readonly ended: Promise<boolean>;
  stop(): Promise<void>;
}

export async function makeLedgerCamera(
  contracts: ContractAddresses,
  ledger: Partial<LedgerConfig> & Pick<LedgerConfig, 'chainId' | 'rpcUrls'>,
): Promise<LedgerCamera> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-ledger-'));
  const privateKey: Hex = `0x${randomBytes(32).toString('hex')}`;
  const address = privateKeyToAccount(privateKey).address.toLowerCase() as Address;
  await writeFile(path.join(directory, 'key'), `${privateKey}\n${address}\n`, { mode: 0o600 });
  const configFile = path.join(directory, 'config.json');
  const text = JSON.stringify({
    owner: { keys: ['owner.asc'] },
    signing: { key: 'camera.asc' },
    recordings: { directory: 'recordings' },
    storage: { driver: 'none' },
    cameras: [{ name: 'garden', input: { device: '/dev/video0' } }],
    ledger: {
      contracts,
      identity: { driver: 'file', key: 'key' },
      ...{ periodMinutes: periodMs / 60_000, confirmations: 2, ...ledger },
    },
  });
  await writeFile(configFile, text);
  const config = resolveConfig(validateConfig(JSON.parse(text), configFile), configFile);
  if (!config.ledger) throw new Error('the configuration lost its ledger');
  const found = config.ledger;
  const recordings = config.recordings.directory;
  await mkdir(path.join(recordings, 'garden'), { recursive: true });
  const log: string[] = [];
  const running: RunningLedger[] = [];
  const logger = createLogger({ level: 'debug', format: 'text', write: (line) => void log.push(line) });
  const journal = new EndedRunsJournal(recordings, 'garden', logger);
  const camera: LedgerCamera = {
    ...{ directory, configFile, address, privateKey, log },
    config: { ...config, ledger: found },
    nowMs: Date.UTC(2026, 0, 15, 8),
    async record() {
      journal.note({
        run: `0x${randomBytes(16).toString('hex')}`,
        recording: 'run.mp4.enc',
        directory: 'garden',
        link: `0x${randomBytes(32).toString('hex')}`,
        ...{ fromMs: camera.nowMs - 1000, toMs: camera.nowMs },
      });
      await journal.settled();
    },
    async recordPeriod() {
      await camera.record();
      camera.nowMs += periodMs;
    },
    start({ once = false } = {}) {
      const service = new LedgerService({
        ...{ config, ledger: found, logger, once, times: quickTimes, now: () => camera.nowMs },
        openSigner: () => openSigner(found.identity),
      });
      const ended = service.run();
      const stop = async (): Promise<void> => {
        service.stop();
        await ended;
      };
      running.push({ ended, stop });
      return { ended, stop };
    },
    state: () => readLedgerState(recordings),
    async recordPeriodsAlone(count) {
      const contract = found.contracts.checkpoints as Hex;
      const store = await TreeStore.open({
        ...{ recordingsDirectory: recordings, place: { camera: address, chain: found.chainId, contract } },
        ...{ periodMs, cameras: config.cameras, logger, now: () => camera.nowMs },
      });
      for (let period = 0; period < count; period++) {
        await camera.recordPeriod();
        await store.closePeriod(camera.nowMs);
      }
    },
    async trees() {
      const place = path.join(recordings, 'ledger');
      const files = [];
      for (const name of (await readdir(place)).sort()) {
        files.push(decodeTreeFile(await readFile(path.join(place, name), 'utf8'), name));
      }
      return {
        ids: files.map(({ tree }) => tree),
        runs: files.reduce((sum, { leaves }) => sum + leaves.length, 0),
      };
    },
    async remove() {
      await Promise.all(running.map((one) => one.stop()));
      await rm(directory, { recursive: true, force: true });
    },
  };
  return camera;
}
