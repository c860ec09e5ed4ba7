/**
 * Several nodes of one chain, of which some may be silent and some may lie: the same question goes to all of them, more than half must
 * answer, and all that answer must agree.
 */
import { createPublicClient, http, type PublicClient } from 'viem';
import { EncroCamError, messageOf } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import { plainFetch } from './plain-fetch.ts';

const timeoutMs = 15_000;
/** Questions that are asked together go to a node together. */
const batchSize = 100;

export interface NodesOptions {
  readonly chainId: number;
  readonly rpcUrls: readonly string[];
  readonly logger?: Pick<Logger, 'warn'>;
  /** Longest wait for an answer, in milliseconds. */
  readonly timeoutMs?: number;
}

export interface ChainNode {
  /** Without what an access key may be in. */
  readonly name: string;
  readonly client: PublicClient;
}

export class ChainNodes {
  readonly chainId: number;
  readonly all: readonly ChainNode[];
  readonly #logger: Pick<Logger, 'warn'> | undefined;
  /** Nodes that are of this chain: asked once. */
  readonly #known = new Set<ChainNode>();

  constructor(options: NodesOptions) {
    this.chainId = options.chainId;
    this.#logger = options.logger;
    this.all = options.rpcUrls.map((url, index) => ({
      name: `${new URL(url).host} (node ${index + 1})`,
      client: createPublicClient({
        // Else a node that lies could have this computer ask whatever address it likes (EIP-3668), those of its own network included.
        ccipRead: false,
        transport: http(url, {
          ...{ batch: { batchSize }, retryCount: 1, timeout: options.timeoutMs ?? timeoutMs },
          fetchFn: plainFetch,
        }),
      }),
    }));
  }

  /** How many have to answer. */
  get quorum(): number {
    return Math.floor(this.all.length / 2) + 1;
  }

  /**
   * What all nodes that answer say alike.
   * @param read asked of each node; must not depend on when it is asked
   * @throws {EncroCamError} `CHAIN_UNREACHABLE` (too few answer), `CHAIN_DISAGREES` (the answers differ), `CHAIN_WRONG` (a node of another chain)
   */
  async agree<T>(what: string, read: (client: PublicClient) => Promise<T>): Promise<T> {
    const answers = await this.ask(what, read);
    const [first, ...others] = answers;
    const textOf = (value: unknown): string =>
      JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : (part as unknown))) ??
      'nothing';
    const different = others.find(({ answer }) => textOf(answer) !== textOf(first?.answer));
    if (first && different) {
      throw new EncroCamError(
        'CHAIN_DISAGREES',
        `the nodes differ about ${what}: ${first.node.name} says ${textOf(first.answer).slice(0, 200)}, ${different.node.name} says ${textOf(different.answer).slice(0, 200)}`,
        {
          hint: 'One of them lies or lags behind. Ask more nodes, of other operators, and leave out the one that is alone.',
        },
      );
    }
    return (first as { answer: T }).answer;
  }

  /** The answers of more than half of the nodes, at least. */
  async ask<T>(
    what: string,
    read: (client: PublicClient) => Promise<T>,
  ): Promise<readonly { readonly node: ChainNode; readonly answer: T }[]> {
    const failures: string[] = [];
    const asked = this.all.map(async (node) => {
      try {
        await this.#check(node);
        return [{ node, answer: await read(node.client) }];
      } catch (error) {
        if (error instanceof EncroCamError) throw error;
        failures.push(`${node.name}: ${withoutUrls(messageOf(error))}`);
        return [];
      }
    });
    const answers = (await Promise.all(asked)).flat();
    if (answers.length < this.quorum) {
      throw new EncroCamError(
        'CHAIN_UNREACHABLE',
        `${answers.length} of ${this.all.length} nodes answer about ${what}, and ${this.quorum} have to. ${failures.join('; ')}`,
        { hint: 'Check the network and the addresses in ledger.rpcUrls, or give more of them.' },
      );
    }
    for (const failure of failures)
      this.#logger?.warn('a node of the chain does not answer', { what, failure });
    return answers;
  }

  async #check(node: ChainNode): Promise<void> {
    if (this.#known.has(node)) return;
    await this.#checkChain(node);
    this.#known.add(node);
  }

  async #checkChain({ name, client }: ChainNode): Promise<void> {
    const chainId = await client.getChainId();
    if (chainId === this.chainId) return;
    throw new EncroCamError('CHAIN_WRONG', `${name} is a node of chain ${chainId}, not of ${this.chainId}`, {
      hint: 'Correct ledger.chainId, or take that address out of ledger.rpcUrls.',
    });
  }
}

/** viem's messages name the whole address of a node, and its own version. */
export function withoutUrls(text: string): string {
  return text
    .replaceAll(/https?:\/\/\S+/g, '(address)')
    .replaceAll(/\s*(?:Version: viem\S*|Request body: .*?(?=Details:|$))/g, ' ')
    .slice(0, 300)
    .trim();
}
