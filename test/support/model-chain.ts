/** A chain in memory for tests of the outbox: blocks, nodes' pools, reorganisations, both contracts' rules. No cryptography. */
import { createHash } from 'node:crypto';
import { type Address, decodeFunctionData, type Hex } from 'viem';
import { checkpointsAbi, ownershipAbi } from '../../contracts/index.ts';
import type { Call, Contracts } from '../../ledger/outbox/calls.ts';
import type { UnsignedTransaction } from '../../ledger/outbox/outbox.ts';
import type { AskedTree, ChainAccess, Standing, View } from '../../ledger/outbox/view.ts';
import { EncroCamError } from '../../runtime/errors.ts';

export const modelContracts: Contracts = {
  ownership: `0x${'01'.repeat(20)}`,
  checkpoints: `0x${'02'.repeat(20)}`,
};

interface Entry {
  readonly tree: Hex;
  readonly root: Hex;
  readonly leaves: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

interface State {
  readonly nonce: number;
  readonly owner: Address | undefined;
  readonly entries: readonly Entry[];
}

interface ModelBlock {
  readonly transactions: readonly Hex[];
  readonly state: State;
  readonly salt: number;
}

const gwei = 1_000_000_000n;

export class ModelChain implements ChainAccess {
  readonly #confirmations: number;
  #blocks: ModelBlock[] = [{ transactions: [], state: { nonce: 0, owner: undefined, entries: [] }, salt: 0 }];
  /** By nonce. */
  readonly pool = new Map<number, Hex>();
  readonly outcomes = new Map<Hex, 'success' | 'reverted'>();
  baseFee = gwei;
  balance = 10n ** 18n;
  isAway = false;
  /** What was offered is taken, and the answer is lost. */
  losesAnswers = false;
  /** How many transactions ever were refused by a contract. */
  reverted = 0;
  #salt = 0;

  constructor(confirmations: number) {
    this.#confirmations = confirmations;
  }

  get state(): State {
    return this.#at(this.height).state;
  }

  get height(): number {
    return this.#blocks.length - 1;
  }

  mine(blocks = 1): void {
    for (let index = 0; index < blocks; index++) {
      let { state } = this;
      const transactions: Hex[] = [];
      for (;;) {
        const raw = this.pool.get(state.nonce);
        if (!raw || parse(raw).fee < this.baseFee + 1n) break;
        this.pool.delete(state.nonce);
        transactions.push(raw);
        const after = execute(state, parse(raw));
        this.outcomes.set(hashOf(raw), after ? 'success' : 'reverted');
        if (!after) this.reverted++;
        state = { ...(after ?? state), nonce: state.nonce + 1 };
      }
      this.#blocks.push({ transactions, state, salt: this.#salt++ });
    }
  }

  /** Other blocks take the place of the newest ones; what was in them waits again, or is forgotten. */
  reorganise(depth: number, { keepsTransactions }: { readonly keepsTransactions: boolean }): void {
    const least = Math.min(depth, this.height);
    if (least === 0) return;
    const gone = this.#blocks.splice(-least);
    for (const raw of gone.flatMap(({ transactions }) => transactions)) {
      this.outcomes.delete(hashOf(raw));
      if (keepsTransactions) this.pool.set(parse(raw).nonce, raw);
    }
    const { state } = this;
    for (let index = 0; index < least; index++) {
      this.#blocks.push({ transactions: [], state, salt: this.#salt++ });
    }
  }

  async look(trees: readonly AskedTree[]): Promise<View> {
    this.#answer();
    const settledHeight = Math.max(0, this.height - (this.#confirmations - 1));
    let pendingNonce = this.state.nonce;
    while (this.pool.has(pendingNonce)) pendingNonce++;
    return {
      newest: this.#standing(this.height, trees),
      settled: this.#standing(settledHeight, trees),
      ...{ balance: this.balance, pendingNonce, baseFee: this.baseFee },
    };
  }

  async estimate(call: Call): ReturnType<ChainAccess['estimate']> {
    this.#answer();
    if (execute(this.state, call)) return { gas: 100_000n };
    return { refusal: { reason: 'PeriodOverlaps', text: 'PeriodOverlaps()' } };
  }

  async usualTip(): Promise<bigint> {
    this.#answer();
    return gwei / 10n;
  }

  async broadcast(raw: Hex): ReturnType<ChainAccess['broadcast']> {
    this.#answer();
    const transaction = parse(raw);
    const before = this.pool.get(transaction.nonce);
    const failure = this.#refusal(transaction, before === raw ? undefined : before);
    if (!failure) this.pool.set(transaction.nonce, raw);
    if (this.losesAnswers) return { taken: 0, failures: ['the answer was lost'] };
    return failure ? { taken: 0, failures: [failure] } : { taken: 1, failures: [] };
  }

  async outcome(hash: Hex): Promise<'success' | 'reverted' | undefined> {
    this.#answer();
    return this.outcomes.get(hash);
  }

  #refusal({ nonce, tip, fee, gas }: UnsignedTransaction, before: Hex | undefined): string | undefined {
    if (nonce < this.state.nonce) return 'nonce too low';
    if (gas * fee > this.balance) return 'insufficient funds for gas * price + value';
    if (!before) return undefined;
    const old = parse(before);
    const isMore = tip * 10n >= old.tip * 11n && fee * 10n >= old.fee * 11n;
    return isMore ? undefined : 'replacement transaction underpriced';
  }

  #at(height: number): ModelBlock {
    return this.#blocks[height] as ModelBlock;
  }

  #standing(height: number, trees: readonly AskedTree[]): Standing {
    const { state, salt } = this.#at(height);
    const there = trees.filter(({ tree }) => state.entries.some((entry) => entry.tree === tree));
    return {
      block: { height: BigInt(height), hash: `0x${salt}`, timeMs: 0 },
      ...{ nonce: state.nonce, owner: state.owner, count: state.entries.length },
      lastMs: state.entries.at(-1)?.lastMs ?? -1,
      trees: new Set(there.map(({ tree }) => tree)),
    };
  }

  #answer(): void {
    if (this.isAway) throw new EncroCamError('CHAIN_UNREACHABLE', 'no node answers');
  }
}

/** The other side of {@link parse}: a transaction with no signature. */
export async function modelSign(transaction: UnsignedTransaction): Promise<{ raw: Hex; hash: Hex }> {
  const text = JSON.stringify(transaction, (_, value) =>
    typeof value === 'bigint' ? `${value}n` : (value as unknown),
  );
  const raw: Hex = `0x${Buffer.from(text).toString('hex')}`;
  return { raw, hash: hashOf(raw) };
}

function parse(raw: Hex): UnsignedTransaction {
  return JSON.parse(Buffer.from(raw.slice(2), 'hex').toString(), (_, value) =>
    typeof value === 'string' && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : (value as unknown),
  ) as UnsignedTransaction;
}

function hashOf(raw: Hex): Hex {
  return `0x${createHash('sha256').update(raw).digest('hex')}`;
}

/** `undefined`: a contract refuses it. */
function execute(state: State, { to, data }: Call): State | undefined {
  if (to === modelContracts.ownership) {
    const { args } = decodeFunctionData({ abi: ownershipAbi, data });
    return { ...state, owner: String(args?.[0]).toLowerCase() as Address };
  }
  const { functionName, args } = decodeFunctionData({ abi: checkpointsAbi, data });
  const added = functionName === 'commitAll' ? args[0] : functionName === 'commit' ? [args[0]] : [];
  const entries = [...state.entries];
  for (const { tree, root, leaves, firstMs, lastMs } of added) {
    if (Number(firstMs) < (entries.at(-1)?.lastMs ?? 0)) return undefined;
    entries.push({ tree, root, leaves, firstMs: Number(firstMs), lastMs: Number(lastMs) });
  }
  return { ...state, entries };
}
