/**
 * Brings the camera's claim of its owner and its trees onto the chain, each exactly once: `docs/design/ledger.md`, Outbox. A step
 * looks at the chain, draws conclusions, and does at most one thing; whatever interrupts it, the next step begins anew by looking.
 * There is one transaction at a time, kept on the disk before a node has it.
 */
import type { Address, Hex } from 'viem';
import { EncroCamError } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import { maxTimeMs, type TreeFile } from '../trees/files.ts';
import type { PeriodTrees } from '../trees/period-trees.ts';
import { type Call, type Contracts, mostGas, type Purpose } from './calls.ts';
import { type Fees, feesFor, higherFees, inGwei } from './fees.ts';
import { isAchieved, nextUp } from './next.ts';
import type { Report, Trouble } from './report.ts';
import type { OutboxState, OutboxStore, Sending } from './state-file.ts';
import { Teller } from './teller.ts';
import type { ChainAccess, View } from './view.ts';
import { Wallet } from './wallet.ts';

/** Trees that are looked for on the chain at a time. */
const maxAsked = 200;
/** Transactions that are offered again if the chain loses what was settled. */
const maxSettled = 8;
/** Of any transaction. */
const leastGas = 21_000n;
/** Nodes that are behind for longer are those of another chain, or of one that was begun anew. */
const maxBehindMs = 3600_000;
/** So long a conflict is shown. */
const conflictShownMs = 7 * 24 * 3600_000;
const firstRefusalPauseMs = 60_000;
const maxRefusalPauseMs = 6 * 3600_000;

export interface UnsignedTransaction extends Call, Fees {
  readonly chainId: number;
  readonly nonce: number;
  readonly gas: bigint;
}

export interface OutboxOptions {
  readonly chainId: number;
  readonly camera: Address;
  readonly contracts: Contracts;
  /** Whom the camera claims; nobody without it. */
  readonly owner: Address | undefined;
  /** Most that is paid for a unit of gas, in wei. */
  readonly ceiling: bigint;
  /** A transaction that is in no block for so long is offered for more. */
  readonly stuckMs: number;
  readonly chain: ChainAccess;
  readonly trees: PeriodTrees;
  readonly store: OutboxStore;
  readonly sign: (transaction: UnsignedTransaction) => Promise<{ readonly raw: Hex; readonly hash: Hex }>;
  readonly logger: Logger;
  /** The wall clock, which may step. */
  readonly now: () => number;
}

/** How a step ended. */
type Outcome = Pick<Report, 'activity' | 'trouble'> & { readonly hasMore?: boolean };

const conflictText =
  'Somebody else uses the key of this camera, or its disk was replaced or reset with the key kept.';

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #teller: Teller;
  readonly #wallet: Wallet;
  #state: OutboxState;
  /** Since when this process waits for what it is about: a nonce, and the number of versions of it. */
  #waiting: { readonly key: string; readonly sinceMs: number } | undefined;

  /** Reads what was kept. */
  static async open(options: OutboxOptions): Promise<Outbox> {
    return new Outbox(options, await options.store.read());
  }

  private constructor(options: OutboxOptions, state: OutboxState) {
    this.#options = options;
    this.#state = state;
    this.#teller = new Teller(options.logger, options.now);
    this.#wallet = new Wallet(options.camera, this.#teller);
  }

  /**
   * One step: to be repeated, every few seconds while something is on its way, else every minute.
   * @throws {EncroCamError} `CHAIN_…` and those of signing: later it may work
   */
  async step(): Promise<Report> {
    const { chain, trees, owner } = this.#options;
    const pending = await trees.pending();
    const asked = pending.slice(0, maxAsked);
    const view = await chain.look(asked.map((tree) => ({ ...tree, leaves: tree.leaves.length })));
    const left = await this.#concludeTrees(asked, view);
    const rest = [...left, ...pending.slice(asked.length)];
    const outcome = await this.#act(left, view);
    return {
      view,
      waiting: { trees: rest.length, oldestMs: rest[0]?.lastMs },
      isOwnerClaimed: owner && view.settled.owner === owner,
      activity: outcome.activity,
      trouble: outcome.trouble ?? this.#conflict(),
      hasMore: outcome.hasMore === true || (left.length === 0 && rest.length > 0),
    };
  }

  /** What is on the chain for good is done, however it came there. @returns trees that are not. */
  async #concludeTrees(pending: readonly TreeFile[], { settled }: View): Promise<TreeFile[]> {
    const { trees, logger } = this.#options;
    const left: TreeFile[] = [];
    for (const tree of pending) {
      if (settled.trees.has(tree.tree)) {
        await trees.committed(tree.tree);
        logger.info('a tree is on the chain', { tree: tree.tree, runs: tree.leaves.length });
      } else if (tree.firstMs < settled.lastMs) {
        if (settled.lastMs > maxTimeMs) throw beyondAllTime(settled.lastMs);
        // Periods are in order: it can never be taken.
        await this.#noteConflict(`The chain has another tree of this camera for a period of ${tree.tree}.`);
        await trees.refused(tree.tree, settled.lastMs);
      } else {
        left.push(tree);
      }
    }
    return left;
  }

  async #act(left: readonly TreeFile[], view: View): Promise<Outcome> {
    const lost = this.#state.settled.filter(({ nonce }) => nonce >= view.newest.nonce);
    if (lost.length > 0) return this.#recover(lost, view);
    this.#teller.over('lost');
    const { sending } = this.#state;
    if (!sending) return this.#begin(left, view);
    if (view.settled.nonce > sending.nonce) return this.#settle(sending, left, view);
    if (view.newest.nonce > sending.nonce) return { activity: 'confirming', trouble: undefined };
    if (view.newest.nonce === sending.nonce) return this.#pursue(sending, view);
    // The chain lost transactions before it, of which nothing is known any more.
    await this.#keep({ ...this.#state, sending: undefined });
    return { activity: 'sending', trouble: undefined, hasMore: true };
  }

  /** The chain was reorganised deeper than its confirmations, or the nodes are behind. */
  async #recover(lost: readonly Sending[], view: View): Promise<Outcome> {
    const { chain, now } = this.#options;
    const height = Number(view.newest.block.height);
    const knownHeight = this.#state.settledHeight ?? 0;
    const sinceMs = this.#since('lost', now());
    const isBehind = height < knownHeight && now() - sinceMs < maxBehindMs;
    if (isBehind) {
      const text = `The nodes are at block ${height}, behind block ${knownHeight} that they told of before.`;
      this.#teller.tell('behind', 'warn', text);
      return { activity: 'held', trouble: { kind: 'chain', text } };
    }
    if (lost[0]?.nonce !== view.newest.nonce) {
      const text = 'The chain is not the one that it was: the ledger begins anew on it.';
      this.#options.logger.error(text, { chainId: this.#options.chainId, height });
      await this.#keep({ ...this.#state, sending: undefined, settled: [], settledHeight: undefined });
      return { activity: 'sending', trouble: undefined, hasMore: true };
    }
    const text = 'The chain lost transactions that had all their confirmations. They are sent again.';
    this.#teller.tell('lost', 'error', text, { hint: 'Raise ledger.confirmations.' });
    for (const { versions } of lost) for (const { raw } of versions) await chain.broadcast(raw);
    return { activity: 'sending', trouble: { kind: 'chain', text } };
  }

  /** The nonce is used for good, by one of the versions or by somebody else. */
  async #settle(sending: Sending, left: readonly TreeFile[], view: View): Promise<Outcome> {
    const { logger, now, owner } = this.#options;
    const { sending: _, refused: __, ...before } = this.#state;
    const rest = {
      ...before,
      settled: [...before.settled, sending].slice(-maxSettled),
      settledHeight: Number(view.newest.block.height),
    };
    if (isAchieved(sending.purpose, left, view)) {
      if (sending.purpose.kind === 'claim') logger.info('the owner is claimed on the chain', { owner });
      await this.#keep(rest);
      return { activity: 'sending', trouble: undefined, hasMore: true };
    }
    const outcomes = await Promise.all(
      sending.versions.map(({ hash }) => this.#options.chain.outcome(hash).catch(() => undefined)),
    );
    const mined = outcomes.findIndex((outcome) => outcome !== undefined);
    if (mined === -1)
      await this.#noteConflict(`Transaction number ${sending.nonce} was sent by another one.`);
    const text = await this.#whyNot(sending, outcomes[mined]);
    const count = (this.#state.refused?.count ?? 0) + 1;
    const pauseMs = Math.min(firstRefusalPauseMs * 2 ** (count - 1), maxRefusalPauseMs);
    logger.error('a transaction of the camera changed nothing on the chain', {
      transaction: sending.versions[Math.max(mined, 0)]?.hash,
      reason: text,
      nextMinutes: Math.round(pauseMs / 60_000),
    });
    const conflict = this.#state.conflict;
    await this.#keep({
      ...{ ...rest, ...(conflict && { conflict }) },
      refused: { count, nextMs: now() + pauseMs, text },
    });
    return { activity: 'held', trouble: { kind: 'refused', text } };
  }

  async #whyNot(sending: Sending, outcome: 'success' | 'reverted' | undefined): Promise<string> {
    if (outcome === undefined) return 'another transaction has its number';
    const again = await this.#options.chain.estimate(sending.call).catch(() => undefined);
    if (again && 'refusal' in again) return again.refusal.text;
    return outcome === 'reverted' ? 'it was refused then, and would not be now' : 'it is not there';
  }

  /** It is in no block: it is offered again, for more if that was long ago. */
  async #pursue(sending: Sending, view: View): Promise<Outcome> {
    const { chain, now, stuckMs, ceiling, logger } = this.#options;
    const { versions } = sending;
    const last = versions[versions.length - 1] as Sending['versions'][number];
    const sinceMs = this.#since(`${sending.nonce}/${versions.length}`, last.signedMs);
    let raw = last.raw;
    let trouble = this.#wallet.cannotPay(BigInt(last.gas) * BigInt(last.fee), view.balance);
    if (now() - sinceMs >= stuckMs) {
      const price = await this.#price(view);
      const fees = higherFees({ tip: BigInt(last.tip), fee: BigInt(last.fee) }, price, ceiling);
      if (!fees) {
        if (price.base + BigInt(last.tip) > BigInt(last.fee))
          trouble ??= this.#wallet.tooDear(price.base, ceiling);
      } else {
        const estimate = await chain.estimate(sending.call);
        // Refused by now: it is better mined as it is than never, for its number is in the way.
        const gas = 'gas' in estimate ? withRoom(estimate.gas, sending.purpose) : BigInt(last.gas);
        trouble = this.#wallet.cannotPay(gas * fees.fee, view.balance);
        if (!trouble) {
          logger.info('a transaction is in no block: more is offered', { hash: last.hash, ...inGwei(fees) });
          raw = await this.#sign(sending.nonce, sending, { ...fees, gas });
        }
      }
    }
    return this.#offer(raw, trouble);
  }

  async #begin(left: readonly TreeFile[], view: View): Promise<Outcome> {
    const { chain, now, stuckMs, ceiling } = this.#options;
    const { refused } = this.#state;
    const next = nextUp(this.#options, left, view);
    if (next === 'wait') return { activity: 'confirming', trouble: undefined };
    if (!next) return { activity: 'idle', trouble: undefined };
    if (refused && now() < refused.nextMs && refused.nextMs - now() <= maxRefusalPauseMs) {
      return { activity: 'held', trouble: { kind: 'refused', text: refused.text } };
    }
    const { nonce } = view.newest;
    if (view.pendingNonce > nonce) {
      // Sent by us before the state was lost, or by somebody else; to wait is cheaper than to outbid it.
      const sinceMs = this.#since(`unknown ${nonce}`, now());
      this.#teller.tell('unknown', 'warn', 'a transaction waits that this camera does not know of', {
        nonce,
      });
      if (now() - sinceMs < stuckMs) return { activity: 'held', trouble: undefined };
    }
    const estimate = await chain.estimate(next.call);
    if ('refusal' in estimate) {
      const { text } = estimate.refusal;
      this.#teller.tell(`refused ${text}`, 'error', 'the contract would refuse it: not sent', {
        reason: text,
      });
      return { activity: 'held', trouble: { kind: 'refused', text } };
    }
    const price = await this.#price(view);
    const fees = feesFor(price, ceiling);
    if (!fees) return { activity: 'held', trouble: this.#wallet.tooDear(price.base + price.tip, ceiling) };
    this.#wallet.affordable();
    const gas = withRoom(estimate.gas, next.purpose);
    // The room for a base fee that doubles is given up before the transaction is.
    const affordable = least(fees.fee, view.balance / gas);
    const trouble = this.#wallet.cannotPay(gas * (price.base + fees.tip), view.balance);
    if (trouble) return { activity: 'held', trouble };
    const raw = await this.#sign(nonce, next, { tip: fees.tip, fee: affordable, gas });
    return this.#offer(raw, undefined);
  }

  /** Signed, and on the disk. */
  async #sign(
    nonce: number,
    { purpose, call }: Pick<Sending, 'purpose' | 'call'>,
    { tip, fee, gas }: Fees & { readonly gas: bigint },
  ): Promise<Hex> {
    const { chainId, sign, now } = this.#options;
    const { raw, hash } = await sign({ chainId, nonce, ...call, tip, fee, gas });
    const version = { hash, raw, tip: `${tip}`, fee: `${fee}`, gas: `${gas}`, signedMs: now() };
    const before = this.#state.sending?.versions ?? [];
    await this.#keep({
      ...this.#state,
      sending: { nonce, purpose, call, versions: [...before, version] },
    });
    this.#options.logger.info('a transaction is sent', {
      hash,
      nonce,
      ...(purpose.kind === 'claim' ? { owner: purpose.owner } : { trees: purpose.trees.length }),
      ...inGwei({ tip, fee }),
    });
    return raw;
  }

  async #offer(raw: Hex, before: Trouble | undefined): Promise<Outcome> {
    const { taken, failures } = await this.#options.chain.broadcast(raw);
    let trouble = before;
    if (taken === 0) {
      const text = failures.join('; ');
      if (/insufficient funds/i.test(text)) trouble ??= this.#wallet.empty(text);
      this.#teller.tell('offer', 'warn', 'no node takes the transaction', { reasons: text });
      trouble ??= { kind: 'nodes', text: `No node takes the transaction: ${text}.` };
    }
    return { activity: trouble ? 'held' : 'sending', trouble };
  }

  async #price({ baseFee }: View): Promise<{ base: bigint; tip: bigint }> {
    return { base: baseFee ?? 0n, tip: await this.#options.chain.usualTip() };
  }

  #conflict(): Trouble | undefined {
    const { conflict } = this.#state;
    if (!conflict || Math.abs(this.#options.now() - conflict.atMs) > conflictShownMs) return undefined;
    return { kind: 'conflict', text: conflict.text };
  }

  async #noteConflict(what: string): Promise<void> {
    const text = `${what} ${conflictText}`;
    this.#options.logger.error(text, { camera: this.#options.camera });
    await this.#keep({ ...this.#state, conflict: { atMs: this.#options.now(), text } });
  }

  /** Since when this goes on: as the disk has it, unless the clock was set back. */
  #since(key: string, startMs: number): number {
    if (this.#waiting?.key !== key || this.#waiting.sinceMs > this.#options.now()) {
      this.#waiting = { key, sinceMs: Math.min(startMs, this.#options.now()) };
    }
    return this.#waiting.sinceMs;
  }

  async #keep(
    state: Omit<OutboxState, 'sending'> & { readonly sending?: Sending | undefined },
  ): Promise<void> {
    const { sending, ...rest } = state;
    const next: OutboxState = { ...rest, ...(sending && { sending }) };
    await this.#options.store.write(next);
    this.#state = next;
  }
}

/** The state may be another one when it is mined; what is not used is not paid. */
function withRoom(gas: bigint, purpose: Purpose): bigint {
  return least(((gas > leastGas ? gas : leastGas) * 5n) / 4n, mostGas(purpose));
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** No period could follow, and what is on the disk would be given up for it. */
function beyondAllTime(lastMs: number): EncroCamError {
  return new EncroCamError(
    'CHAIN_WRONG',
    `the chain has a tree of this camera whose period ends ${lastMs} ms after 1970, behind the year 9999`,
    {
      hint: 'A node lies, or somebody else uses the key of this camera: ask more nodes in ledger.rpcUrls; if all say so, give the camera another key.',
    },
  );
}
