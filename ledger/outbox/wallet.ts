/** Whether the camera's wallet can pay, and what is said where it cannot, or must not. */
import type { Address } from 'viem';
import { gweiOf } from './fees.ts';
import type { Trouble } from './report.ts';
import type { Teller } from './teller.ts';

export class Wallet {
  readonly #camera: Address;
  readonly #teller: Teller;

  constructor(camera: Address, teller: Teller) {
    this.#camera = camera;
    this.#teller = teller;
  }

  /** @param cost in wei, as `balance`. */
  cannotPay(cost: bigint, balance: bigint): Trouble | undefined {
    if (cost > balance) {
      return this.empty(`it has ${gweiOf(balance)} gwei, and the next transaction needs ${gweiOf(cost)}`);
    }
    this.#teller.over('empty');
    return undefined;
  }

  empty(reason: string): Trouble {
    this.#teller.tell('empty', 'warn', "the camera's wallet is empty: checkpoints wait", {
      address: this.#camera,
      reason,
      hint: 'Send coins to that address.',
    });
    return { kind: 'empty', text: `The wallet ${this.#camera} cannot pay: ${reason}.` };
  }

  /** @param asked wei for a unit of gas, as `ceiling`. */
  tooDear(asked: bigint, ceiling: bigint): Trouble {
    const [askedGwei, ceilingGwei] = [gweiOf(asked), gweiOf(ceiling)];
    this.#teller.tell('fee', 'info', 'the chain is dearer than the ceiling: checkpoints wait', {
      askedGwei,
      ceilingGwei,
    });
    const text = `The chain asks for ${askedGwei} gwei, and ledger.maximumFeeGwei is ${ceilingGwei}.`;
    return { kind: 'fee', text };
  }

  /** The price is below the ceiling. */
  affordable(): void {
    this.#teller.over('fee');
  }
}
