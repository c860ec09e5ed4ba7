/**
 * The ledger's service: closes periods, brings trees and the claim of the owner to the chain, and tells recorder, status and monitor
 * what it knows. Everything that it needs may be missing for days; nothing that is missing stops what goes without it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Address } from 'viem';
import { keccak256 } from 'viem/utils';
import { backoffMs } from '../../runtime/backoff.ts';
import type { LoadedConfig } from '../../runtime/config/load.ts';
import type { LedgerConfig } from '../../runtime/config/types.ts';
import { isEncroCamError, messageOf } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import {
  type LedgerProblemKind,
  type LedgerState,
  ledgerStateIntervalMs,
  periodMsOf,
  weiOfCoins,
  writeLedgerState,
} from '../../runtime/state/ledger-state.ts';
import { writeNewestBlock } from '../../runtime/state/newest-block.ts';
import { type Block, Chain } from '../chain/chain.ts';
import { accountOf, type Signer } from '../identity/index.ts';
import type { Contracts } from '../outbox/calls.ts';
import { openChainAccess } from '../outbox/chain-access.ts';
import { weiOfGwei } from '../outbox/fees.ts';
import { Outbox, type OutboxOptions } from '../outbox/outbox.ts';
import type { Report } from '../outbox/report.ts';
import { openOutboxStore } from '../outbox/state-file.ts';
import { Teller } from '../outbox/teller.ts';
import { TreeStore } from '../trees/store.ts';

export interface ServiceTimes {
  /** Between looks at the chain. */
  readonly intervalMs: number;
  /** While a transaction is on its way. */
  readonly sendingIntervalMs: number;
  /** See {@link OutboxOptions.stuckMs}. */
  readonly stuckMs: number;
  /** Longest wait for a node. */
  readonly nodeTimeoutMs: number;
}

export const usualTimes: ServiceTimes = {
  intervalMs: 60_000,
  sendingIntervalMs: 12_000,
  stuckMs: 5 * 60_000,
  nodeTimeoutMs: 15_000,
};

export interface LedgerServiceOptions {
  readonly config: LoadedConfig;
  readonly ledger: LedgerConfig;
  readonly openSigner: () => Promise<Signer>;
  readonly logger: Logger;
  /** Until nothing is on its way and no tree waits, or that cannot be reached now. */
  readonly once: boolean;
  readonly times?: ServiceTimes;
  /** The wall clock, ms since the epoch. */
  readonly now?: () => number;
}

/** A step in progress has so long to end; then the process ends without it, as in a crash. */
const stopTimeoutMs = 5000;
/** Steps that follow each other at once. */
const maxSteps = 50;
const maxSignerPauseMs = 15 * 60_000;

interface Camera {
  readonly signer: Signer;
  readonly trees: TreeStore;
  readonly outbox: Outbox;
}

type Problem = NonNullable<LedgerState['problem']>;

export class LedgerService {
  readonly #options: LedgerServiceOptions;
  readonly #times: ServiceTimes;
  readonly #now: () => number;
  readonly #chain: Chain;
  readonly #contracts: Contracts;
  readonly #teller: Teller;
  readonly #startedMs: number;
  readonly #stopping = new AbortController();
  #camera: Camera | undefined;
  #signerFailures = 0;
  #signerDueMs = 0;
  #signerError: unknown;
  #newest: { readonly block: Block; readonly readMs: number } | undefined;
  #report: Report | undefined;
  #waiting: { readonly trees: number; readonly oldestMs: number | undefined } | undefined;
  #problem: Problem | undefined;
  #stateProblem: string | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isInStep = false;

  constructor(options: LedgerServiceOptions) {
    const { ledger, logger, now = Date.now } = options;
    this.#options = options;
    this.#times = options.times ?? usualTimes;
    this.#now = now;
    this.#startedMs = now();
    this.#teller = new Teller(logger, now);
    this.#contracts = {
      ownership: ledger.contracts.ownership.toLowerCase() as Address,
      checkpoints: ledger.contracts.checkpoints.toLowerCase() as Address,
    };
    const { chainId, rpcUrls, confirmations } = ledger;
    this.#chain = new Chain({
      ...{ chainId, rpcUrls, confirmations, contracts: this.#contracts },
      ...{ timeoutMs: this.#times.nodeTimeoutMs, logger: this.#nodesLogger() },
    });
  }

  /** Begins an orderly end. */
  stop(): void {
    this.#stopping.abort();
  }

  /** @returns whether everything was on the chain at the end */
  async run(): Promise<boolean> {
    const { signal } = this.#stopping;
    const writer = setInterval(() => void this.#writeState(undefined), ledgerStateIntervalMs);
    try {
      while (!signal.aborted) {
        this.#isInStep = true;
        const step = this.#tick().finally(() => {
          this.#isInStep = false;
        });
        await this.#await(step);
        await this.#writeState(undefined);
        if (this.#options.once && !this.#isOnItsWay) break;
        await this.#wait(this.#isOnItsWay ? this.#times.sendingIntervalMs : this.#times.intervalMs);
      }
    } finally {
      clearInterval(writer);
      await this.#camera?.signer.close();
      await this.#writeState(this.#now());
    }
    const owner = this.#report?.isOwnerClaimed;
    return this.#problem === undefined && this.#waiting?.trees === 0 && owner !== false;
  }

  /** After {@link run}: a step was not waited for, and goes on unless the process ends. It may end at any point. */
  get isCutShort(): boolean {
    return this.#isInStep;
  }

  get #isOnItsWay(): boolean {
    const activity = this.#report?.activity;
    return this.#problem === undefined && (activity === 'sending' || activity === 'confirming');
  }

  async #tick(): Promise<void> {
    const problems: Omit<Problem, 'sinceMs'>[] = [];
    const attempt = async (work: () => Promise<void>): Promise<boolean> => {
      try {
        await work();
        return true;
      } catch (error) {
        problems.push(problemOf(error));
        return false;
      }
    };
    const knowsBlock = await attempt(() => this.#readNewestBlock());
    await attempt(() => this.#openCamera());
    const camera = this.#camera;
    if (camera) {
      // Without any network.
      await attempt(() => this.#closePeriod(camera));
      if (knowsBlock) await attempt(() => this.#send(camera));
    }
    // What is left out because it ends tells nothing.
    if (!this.#stopping.signal.aborted) this.#settleProblem(problems[0]);
  }

  /** For the headers of what is recorded: one that a short reorganisation takes away would say nothing. */
  async #readNewestBlock(): Promise<void> {
    const { config, ledger } = this.#options;
    const block = await this.#chain.newestBlock(Math.min(ledger.confirmations, 3));
    const { height, hash } = block;
    await writeNewestBlock(config.recordings.directory, { chainId: ledger.chainId, height, hash });
    this.#newest = { block, readMs: this.#now() };
  }

  async #openCamera(): Promise<void> {
    const { config, ledger, logger, openSigner } = this.#options;
    if (this.#camera) return;
    if (this.#now() < this.#signerDueMs && this.#signerDueMs - this.#now() <= maxSignerPauseMs) {
      throw this.#signerError;
    }
    let signer: Signer;
    try {
      signer = await openSigner();
    } catch (error) {
      this.#signerError = error;
      this.#signerDueMs = this.#now() + backoffMs(this.#signerFailures++, 60_000, maxSignerPauseMs);
      throw error;
    }
    const camera = signer.address;
    const { chainId } = ledger;
    try {
      const trees = await TreeStore.open({
        recordingsDirectory: config.recordings.directory,
        place: { camera, chain: chainId, contract: this.#contracts.checkpoints },
        periodMs: periodMsOf(ledger),
        cameras: config.cameras,
        logger,
        now: this.#now,
      });
      const account = accountOf(signer);
      const outbox = await Outbox.open({
        ...{ chainId, camera, contracts: this.#contracts, trees, logger, now: this.#now },
        owner: ledger.owner?.toLowerCase() as Address | undefined,
        ceiling: weiOfGwei(ledger.maximumFeeGwei),
        stuckMs: this.#times.stuckMs,
        chain: openChainAccess({
          ...{ chain: this.#chain, camera, contracts: this.#contracts },
          confirmations: ledger.confirmations,
        }),
        store: openOutboxStore(config.recordings.directory, { chainId, address: camera, logger }),
        async sign({ fee, tip, ...transaction }) {
          const fees = { maxFeePerGas: fee, maxPriorityFeePerGas: tip };
          const raw = await account.signTransaction({ type: 'eip1559', ...transaction, ...fees });
          return { raw, hash: keccak256(raw) };
        },
      });
      this.#camera = { signer, trees, outbox };
      logger.info('the ledger works', { address: camera, chainId });
    } catch (error) {
      await signer.close();
      throw error;
    }
  }

  async #closePeriod({ trees }: Camera): Promise<void> {
    await trees.closePeriod(this.#now());
    const pending = await trees.pending();
    this.#waiting = { trees: pending.length, oldestMs: pending[0]?.lastMs };
  }

  async #send({ outbox }: Camera): Promise<void> {
    for (let steps = 0; steps < maxSteps && !this.#stopping.signal.aborted; steps++) {
      const report = await outbox.step();
      this.#report = report;
      this.#waiting = report.waiting;
      this.#warnOfLowBalance(report);
      if (report.trouble) {
        const { kind, text } = report.trouble;
        throw new KnownTrouble(kind, text);
      }
      if (!report.hasMore) return;
    }
  }

  #warnOfLowBalance({ view: { balance } }: Report): void {
    const { ledger } = this.#options;
    if (balance >= weiOfCoins(ledger.lowBalance)) {
      this.#teller.over('low');
      return;
    }
    this.#teller.tell('low', 'warn', "the camera's wallet runs low", {
      address: this.#camera?.signer.address,
      coins: Number(balance) / 1e18,
      lowBalance: ledger.lowBalance,
    });
  }

  #settleProblem(problem: Omit<Problem, 'sinceMs'> | undefined): void {
    const before = this.#problem;
    if (!problem) {
      if (before) this.#options.logger.info('the ledger goes on', { after: before.kind });
      this.#problem = undefined;
      return;
    }
    const isSame = before?.kind === problem.kind;
    this.#problem = { ...problem, sinceMs: isSame ? before.sinceMs : this.#now() };
    if (!isSame && before) this.#teller.over(before.kind);
    this.#teller.tell(problem.kind, 'warn', 'the ledger waits', { reason: problem.text });
  }

  /** What a node that is away has to say, it says each time that it is asked. */
  #nodesLogger(): Pick<Logger, 'warn'> {
    return {
      warn: (message, fields) => this.#teller.tell(`node ${fields?.failure}`, 'warn', message, fields),
    };
  }

  async #wait(durationMs: number): Promise<void> {
    await pause(durationMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  /** Until the step ends; from {@link stop} on, a short time more. Nothing of it stays at the signal, which outlives a million steps. */
  async #await(step: Promise<void>): Promise<void> {
    const { signal } = this.#stopping;
    const cut = Promise.withResolvers<void>();
    let timer: NodeJS.Timeout | undefined;
    const onStop = (): void => {
      timer = setTimeout(cut.resolve, stopTimeoutMs);
    };
    signal.addEventListener('abort', onStop);
    await Promise.race([step, cut.promise]);
    signal.removeEventListener('abort', onStop);
    clearTimeout(timer);
  }

  /** One after the other: what says that the service ended comes last. */
  #writeState(stoppedMs: number | undefined): Promise<void> {
    this.#writing = this.#writing.then(() => this.#writeStateNow(stoppedMs));
    return this.#writing;
  }

  async #writeStateNow(stoppedMs: number | undefined): Promise<void> {
    const { config, logger } = this.#options;
    try {
      await writeLedgerState(config.recordings.directory, this.#state(stoppedMs));
      this.#stateProblem = undefined;
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== this.#stateProblem) logger.warn('the state cannot be written', { reason });
      this.#stateProblem = reason;
    }
  }

  #state(stoppedMs: number | undefined): LedgerState {
    const { ledger } = this.#options;
    const report = this.#report;
    const address = this.#camera?.signer.address;
    const isClaimed = report?.isOwnerClaimed;
    return {
      ...{ service: 'ledger', pid: process.pid, startedMs: this.#startedMs, updatedMs: this.#now() },
      ...(stoppedMs !== undefined && { stoppedMs }),
      chainId: ledger.chainId,
      ...(address !== undefined && { address }),
      ...(ledger.owner !== undefined && {
        owner: { address: ledger.owner.toLowerCase(), ...(isClaimed !== undefined && { isClaimed }) },
      }),
      ...(report && {
        balanceWei: `${report.view.balance}`,
        treesCommitted: report.view.settled.count,
        activity: report.activity,
      }),
      ...(this.#waiting && { treesWaiting: this.#waiting.trees }),
      ...(this.#waiting?.oldestMs !== undefined && { oldestWaitingMs: this.#waiting.oldestMs }),
      ...(this.#newest && {
        newestBlock: {
          height: Number(this.#newest.block.height),
          ...{ timeMs: this.#newest.block.timeMs, readMs: this.#newest.readMs },
        },
      }),
      ...(this.#problem && { problem: this.#problem }),
    };
  }
}

/** Carries what a step found to where problems are gathered. */
class KnownTrouble extends Error {
  readonly kind: LedgerProblemKind;

  constructor(kind: LedgerProblemKind, text: string) {
    super(text);
    this.kind = kind;
  }
}

function problemOf(error: unknown): Omit<Problem, 'sinceMs'> {
  if (error instanceof KnownTrouble) return { kind: error.kind, text: error.message };
  const text = isEncroCamError(error) && error.hint ? `${error.message} ${error.hint}` : messageOf(error);
  if (isEncroCamError(error, 'CHAIN_UNREACHABLE', 'CHAIN_DISAGREES')) return { kind: 'nodes', text };
  if (isEncroCamError(error, 'CHAIN_WRONG')) return { kind: 'chain', text };
  const ofIdentity = [
    'IDENTITY_UNREADABLE',
    'ELEMENT_UNAVAILABLE',
    'ELEMENT_UNSUITABLE',
    'ELEMENT_PIN',
    'PROGRAM_MISSING',
  ] as const;
  if (isEncroCamError(error, ...ofIdentity)) return { kind: 'identity', text };
  return { kind: 'other', text };
}
