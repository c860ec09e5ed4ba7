/**
 * Solidity to TypeScript: compiles `src/` with the pinned solc and writes what `generated/` holds. The same sources
 * give the same bytes on every machine: no path, no time and no comment becomes part of the code. For
 * `ci/generate.ts` and tests; nothing that runs on a camera needs a compiler.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Abi, Hex } from 'viem';

const here = new URL('.', import.meta.url);
const contracts = { Ownership: 'ownership', Checkpoints: 'checkpoints' } as const;
export type ContractName = keyof typeof contracts;
export const contractNames = Object.keys(contracts) as ContractName[];

const settings = {
  // Deployed once, called for years.
  optimizer: { enabled: true, runs: 10_000 },
  // Fixed, so that a newer compiler does not use what a chain may not have yet.
  evmVersion: 'cancun',
  // Without these a changed comment would give other code, and another address.
  metadata: { appendCBOR: false, bytecodeHash: 'none' },
  outputSelection: { '*': { '*': ['abi', 'devdoc', 'userdoc', 'evm.bytecode.object'] } },
};

/** What NatSpec says, by signature (`claim(address)`). */
export interface Documented {
  readonly kind: 'dev' | 'user';
  readonly title?: string;
  readonly notice?: string;
  readonly methods?: Readonly<Record<string, DocumentedItem>>;
  readonly events?: Readonly<Record<string, DocumentedItem>>;
  /** Errors of the same signature, from several places. */
  readonly errors?: Readonly<Record<string, readonly DocumentedItem[]>>;
}

export interface DocumentedItem {
  readonly notice?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly returns?: Readonly<Record<string, string>>;
}

export interface Compiled {
  readonly abi: Abi;
  readonly bytecode: Hex;
  readonly devdoc: Documented;
  readonly userdoc: Documented;
}

interface SolcOutput {
  errors?: readonly { formattedMessage: string }[];
  contracts: Record<
    string,
    Record<string, Omit<Compiled, 'bytecode'> & { evm: { bytecode: { object: string } } }>
  >;
}

interface Solc {
  compile(input: string): string;
}

const sourceOf = (name: ContractName): Promise<string> => readFile(new URL(`src/${name}.sol`, here), 'utf8');

/** Compiles one contract. Throws what solc says if it has anything to say, also if that is only a warning. */
export async function compileContract(name: ContractName): Promise<Compiled> {
  const solc = createRequire(import.meta.url)('solc') as Solc;
  const file = `${name}.sol`;
  const input = {
    language: 'Solidity',
    sources: { [file]: { content: await sourceOf(name) } },
    settings,
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input))) as SolcOutput;
  if (output.errors?.length) throw new Error(output.errors.map((one) => one.formattedMessage).join('\n'));
  const found = output.contracts[file]?.[name];
  if (!found) throw new Error(`solc made no ${name} of ${file}`);
  const { abi, devdoc, userdoc, evm } = found;
  return { abi, devdoc, userdoc, bytecode: `0x${evm.bytecode.object}` };
}

/** Names the sources, the compiler and this file: a generated file that has it need not be compiled again. */
async function fingerprintOf(name: ContractName): Promise<string> {
  const { version } = createRequire(import.meta.url)('solc/package.json') as { version: string };
  const hash = createHash('sha256').update(`solc ${version}\0`);
  hash.update(await sourceOf(name)).update('\0');
  return hash.update(await readFile(new URL(import.meta.url), 'utf8')).digest('hex');
}

/** A file of `generated/`, and its text. */
export interface GeneratedContract {
  readonly file: string;
  readonly content: string;
}

/**
 * All files of `generated/`. One is compiled only if `present` (its text, or undefined) was not made from the
 * sources of today by this compiler, or was edited: loading solc takes longer than all other checks.
 */
export async function generateContracts(
  present: (file: string) => Promise<string | undefined>,
): Promise<GeneratedContract[]> {
  const generated: GeneratedContract[] = [];
  for (const name of contractNames) {
    const file = `contracts/generated/${contracts[name]}.ts`;
    const fingerprint = await fingerprintOf(name);
    const old = await present(file);
    const isFresh = old !== undefined && old === withSeal(name, fingerprint, bodyOf(old));
    generated.push({
      file,
      content: isFresh ? old : withSeal(name, fingerprint, body(name, await compileContract(name))),
    });
  }
  return generated;
}

const endOfHead = '// biome-ignore-all format: generated\n';

function withSeal(name: ContractName, fingerprint: string, text: string): string {
  const sum = createHash('sha256').update(text).digest('hex');
  return (
    `// Written by contracts/compile.ts from contracts/src/${name}.sol: change that, then run \`make generate\`.\n` +
    `// From ${fingerprint}, text ${sum}\n${endOfHead}${text}`
  );
}

function bodyOf(text: string): string {
  const at = text.indexOf(endOfHead);
  return at === -1 ? '' : text.slice(at + endOfHead.length);
}

function body(name: ContractName, compiled: Compiled): string {
  const prefix = contracts[name];
  return [
    '',
    `export const ${prefix}Abi = ${JSON.stringify(compiled.abi, undefined, 2)} as const;`,
    '',
    '/** Creates the contract; there are no arguments. */',
    `export const ${prefix}Bytecode =`,
    `  '${compiled.bytecode}' as const;`,
    '',
  ].join('\n');
}
