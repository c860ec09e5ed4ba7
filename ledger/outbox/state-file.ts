/**
 * What the outbox must not forget: the signed transaction that may be on its way, kept before any node has it, and those that
 * came before it, in case that the chain loses them. Which trees wait is not in it: that follows from the trees and the chain.
 * Losing it costs time, never a tree: contracts take none twice.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Address, Hex } from 'viem';
import { messageOf, systemErrorCode } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import { replaceStateFile, stateDirectory } from '../../runtime/state/state.ts';
import type { Call, Purpose } from './calls.ts';

/** A signed transaction. `tip` and `fee` are in wei for a unit of gas; numbers are decimal digits. */
export interface SignedVersion {
  readonly hash: Hex;
  readonly raw: Hex;
  readonly tip: string;
  readonly fee: string;
  readonly gas: string;
  readonly signedMs: number;
}

/** Something under one nonce: the last version is the one that is offered. */
export interface Sending {
  readonly nonce: number;
  readonly purpose: Purpose;
  readonly call: Call;
  readonly versions: readonly SignedVersion[];
}

export interface Conflict {
  readonly atMs: number;
  readonly text: string;
}

export interface OutboxState {
  readonly chainId: number;
  readonly address: Address;
  readonly sending?: Sending | undefined;
  /** Settled ones, the newest last. */
  readonly settled: readonly Sending[];
  /** The newest block when the last of them settled. */
  readonly settledHeight?: number | undefined;
  /** In a row, that cost gas; and when the next attempt is due. */
  readonly refused?: { readonly count: number; readonly nextMs: number; readonly text: string };
  /** The last sign of somebody else with the camera's key. */
  readonly conflict?: Conflict;
}

export interface OutboxStore {
  read(): Promise<OutboxState>;
  /** Durably: it is there after a power cut. */
  write(state: OutboxState): Promise<void>;
}

const fileName = 'ledger-outbox.json';
const format = 'EncroCam outbox 1';
const maxBytes = 16 * 1024 * 1024;

export function emptyState(chainId: number, address: Address): OutboxState {
  return { chainId, address, settled: [] };
}

export function openOutboxStore(
  recordingsDirectory: string,
  {
    chainId,
    address,
    logger,
  }: { readonly chainId: number; readonly address: Address; readonly logger: Logger },
): OutboxStore {
  const file = path.join(stateDirectory(recordingsDirectory), fileName);
  return {
    async read() {
      let text: string;
      try {
        text = await readFile(file, 'utf8');
      } catch (error) {
        if (systemErrorCode(error) === 'ENOENT') return emptyState(chainId, address);
        throw error;
      }
      try {
        const state = parse(text);
        if (state.chainId === chainId && state.address === address) return state;
        logger.info('the ledger begins anew on another chain or with another key', { chainId, address });
      } catch (error) {
        logger.warn('what was sent to the chain is not known any more: the chain is asked', {
          file,
          reason: messageOf(error),
        });
      }
      return emptyState(chainId, address);
    },
    write: (state) =>
      replaceStateFile(recordingsDirectory, fileName, JSON.stringify({ format, ...state }), {
        durable: true,
      }),
  };
}

function parse(text: string): OutboxState {
  if (text.length > maxBytes) throw new RangeError(`it is larger than ${maxBytes} bytes`);
  const state = JSON.parse(text) as OutboxState & { format?: unknown };
  const isWhole =
    state.format === format &&
    Array.isArray(state.settled) &&
    [...state.settled, ...(state.sending ? [state.sending] : [])].every(isSending);
  if (!isWhole) throw new RangeError('it is not what the outbox writes');
  return state;
}

function isSending(value: unknown): value is Sending {
  const { nonce, purpose, call, versions } = (value ?? {}) as Partial<Sending>;
  return (
    Number.isSafeInteger(nonce) &&
    (purpose?.kind === 'claim' || (purpose?.kind === 'commit' && Array.isArray(purpose.trees))) &&
    typeof call?.to === 'string' &&
    typeof call.data === 'string' &&
    Array.isArray(versions) &&
    versions.length > 0 &&
    versions.every(
      ({ hash, raw, tip, fee, gas, signedMs }: Partial<SignedVersion>) =>
        [hash, raw].every((bytes) => typeof bytes === 'string' && bytes.startsWith('0x')) &&
        [tip, fee, gas].every((digits) => typeof digits === 'string' && /^\d{1,30}$/.test(digits)) &&
        Number.isFinite(signedMs),
    )
  );
}
