/** What is offered for a unit of gas (EIP-1559), in wei. Pure. */

export interface Fees {
  /** `maxPriorityFeePerGas`: for whoever makes the block. */
  readonly tip: bigint;
  /** `maxFeePerGas`: the most, the tip included. */
  readonly fee: bigint;
}

/** What the chain asks for now. */
export interface Price {
  /** Of the newest block; the next one asks an eighth more at most. */
  readonly base: bigint;
  /** What the nodes call usual. */
  readonly tip: bigint;
}

export const weiPerGwei = 1_000_000_000n;

/** @param gwei may have digits after the point, down to a wei. */
export function weiOfGwei(gwei: number): bigint {
  return BigInt(Math.round(gwei * Number(weiPerGwei)));
}

/** For people: not exact beyond some 15 digits. */
export function gweiOf(wei: bigint): number {
  return Number(wei) / Number(weiPerGwei);
}

export function inGwei({ tip, fee }: Fees): { readonly tipGwei: number; readonly feeGwei: number } {
  return { tipGwei: gweiOf(tip), feeGwei: gweiOf(fee) };
}

/** Room for the base fee to double, which takes six full blocks. `undefined`: it costs more than the ceiling. */
export function feesFor({ base, tip }: Price, ceiling: bigint): Fees | undefined {
  const wantedTip = tip > 0n ? tip : 1n;
  if (base + wantedTip > ceiling) return undefined;
  return { tip: wantedTip, fee: least(2n * base + wantedTip, ceiling) };
}

/**
 * For another transaction in the place of one that is not taken: nodes demand a tenth more of both, some an eighth.
 * `undefined`: that would be more than the ceiling.
 */
export function higherFees(before: Fees, price: Price, ceiling: bigint): Fees | undefined {
  const fee = most(eighthMore(before.fee), least(2n * price.base + price.tip, ceiling));
  if (fee > ceiling) return undefined;
  const tip = most(eighthMore(before.tip), least(price.tip, fee));
  return { tip: least(tip, fee), fee };
}

/** Rounded up, so that it is an eighth indeed. */
function eighthMore(value: bigint): bigint {
  return (value * 9n + 7n) / 8n;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function most(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
