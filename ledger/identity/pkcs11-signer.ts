/**
 * The identity in a secure element, through PKCS#11: the key is made there and never leaves it. See docs/ref/ledger.md,
 * "Signing through PKCS#11".
 */
import { createPublicKey, randomBytes, randomInt } from 'node:crypto';
import type { Address } from 'viem';
import { publicKeyToAddress } from 'viem/utils';
import { messageOf } from '../../runtime/errors.ts';
import { withElement } from './element-lock.ts';
import {
  type Element,
  lockedPin,
  noToken,
  pinRefusedBefore,
  runTool,
  unsuitable,
  WrongPin,
} from './pkcs11-tool.ts';
import { forgetRefused, rememberRefused, wasRefused } from './refused-pin.ts';
import { checkDigest, type DigestSignature, normalise, type Signer } from './signer.ts';
import { type PublicKeyObject, parseSlots, publicKeysIn } from './tool-output.ts';

export interface Pkcs11SignerOptions extends Element {
  /** Label of the key. */
  readonly label: string;
  /** Whether a key is made on the token where there is none. */
  readonly make: boolean;
  /** Where it is kept that the PIN was refused. Without it, that is known to this process alone. */
  readonly stateDirectory?: string | undefined;
}

/** Small cards take that long for a key. */
const makingMs = 120_000;
/** Somebody else may just make a key. */
const lockWaitMs = makingMs + 30_000;

/** @throws {EncroCamError} `PROGRAM_MISSING`, `ELEMENT_UNAVAILABLE`, `ELEMENT_UNSUITABLE`, `ELEMENT_PIN` */
export async function openPkcs11Signer(options: Pkcs11SignerOptions): Promise<Signer> {
  const element = new GuardedElement(options);
  return withElement(options, lockWaitMs, async () => {
    await element.checkToken();
    const key = (await findKey(element, options.label)) ?? (await makeKey(element, options));
    const address = await element.addressOf(key);
    const signer = new Pkcs11Signer(element, key.id, address, options);
    // That the PIN is right, and the key behind the name that of the address, shows now and not at the first transaction.
    await signer.signNow(randomBytes(32));
    await forgetRefused(options, options.stateDirectory);
    return signer;
  });
}

class Pkcs11Signer implements Signer {
  readonly address: Address;
  readonly #element: GuardedElement;
  readonly #id: string;
  readonly #options: Pkcs11SignerOptions;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(element: GuardedElement, id: string, address: Address, options: Pkcs11SignerOptions) {
    this.#element = element;
    this.#id = id;
    this.address = address;
    this.#options = options;
  }

  async signDigest(digest: Uint8Array): Promise<DigestSignature> {
    if (this.#closed) throw new Error('the signer is closed');
    checkDigest(digest);
    // One after the other: elements do one thing at a time.
    const signing = this.#last.then(() => withElement(this.#options, lockWaitMs, () => this.signNow(digest)));
    this.#last = signing.catch(() => undefined);
    return signing;
  }

  /** For who has the lock. */
  async signNow(digest: Uint8Array): Promise<DigestSignature> {
    // By id: where a label is not found, pkcs11-tool signs with any key.
    const raw = await this.#element.login([`--id=${this.#id}`, '--sign', '--mechanism=ECDSA'], {
      input: digest,
    });
    try {
      return await normalise(raw, digest, this.address);
    } catch (error) {
      throw unsuitable(`answered something else than a signature: ${messageOf(error)}`);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
  }
}

/** Requests to an element, of which those that log in stop at the first PIN that was refused. */
class GuardedElement {
  readonly #options: Pkcs11SignerOptions;

  constructor(options: Pkcs11SignerOptions) {
    this.#options = options;
  }

  ask(args: readonly string[]): Promise<Buffer> {
    return runTool(this.#options, { args, login: false });
  }

  async login(
    args: readonly string[],
    more: { readonly input?: Uint8Array; readonly timeoutMs?: number } = {},
  ): Promise<Buffer> {
    const { stateDirectory } = this.#options;
    if (await wasRefused(this.#options, stateDirectory)) throw pinRefusedBefore();
    try {
      return await runTool(this.#options, { args, login: true, ...more });
    } catch (error) {
      if (error instanceof WrongPin) await rememberRefused(this.#options, stateDirectory);
      throw error;
    }
  }

  /** Whether the token is there and may be logged in to, by what it says itself. */
  async checkToken(): Promise<void> {
    const { token, stateDirectory } = this.#options;
    if (await wasRefused(this.#options, stateDirectory)) throw pinRefusedBefore();
    const tokens = parseSlots((await this.ask(['--list-slots'])).toString('utf8'));
    const found = tokens.find(({ label }) => label === token);
    if (!found) {
      throw noToken(
        token,
        tokens.map(({ label }) => label),
      );
    }
    const { flags } = found;
    if (flags.includes('user PIN locked')) throw lockedPin('it is locked');
    if (flags.includes('final user PIN try')) throw lockedPin('one more wrong one would lock it');
    // Somebody gave a wrong one. Who remembers which may try another; who does not could be the one who tries again and again.
    if (flags.includes('user PIN count low') && stateDirectory === undefined) {
      throw lockedPin('a wrong one was given before');
    }
  }

  async addressOf({ id }: PublicKeyObject): Promise<Address> {
    const der = await this.ask([`--id=${id}`, '--read-object', '--type=pubkey']);
    let jwk: { crv?: string | undefined; x?: string | undefined; y?: string | undefined };
    try {
      // Checks that the point is on the curve.
      jwk = createPublicKey({ key: der, format: 'der', type: 'spki' }).export({ format: 'jwk' });
    } catch (error) {
      throw unsuitable(`has a public key that cannot be read (${messageOf(error)})`);
    }
    const { crv, x, y } = jwk;
    if (crv !== 'secp256k1' || x === undefined || y === undefined) {
      throw unsuitable(
        `has a key of another curve under this label (${crv ?? 'none'})`,
        'Give ledger.identity.label another value: a key of secp256k1 is made under it.',
      );
    }
    const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
    return publicKeyToAddress(`0x${point.toString('hex')}`).toLowerCase() as Address;
  }
}

const listing = ['--list-objects', '--type=pubkey'];

async function findKey(element: GuardedElement, label: string): Promise<PublicKeyObject | undefined> {
  const key = oneNamed(publicKeysIn(String(await element.ask(listing))), label);
  // Some tokens show nothing to who is not logged in.
  return key ?? oneNamed(publicKeysIn(String(await element.login(listing))), label);
}

function oneNamed(keys: readonly PublicKeyObject[], label: string): PublicKeyObject | undefined {
  const [key, second] = keys.filter((other) => other.label === label);
  if (second) {
    throw unsuitable(
      'has several keys with the label of ours',
      'Remove all but the one whose address is known, with pkcs11-tool --delete-object, or choose another ledger.identity.label.',
    );
  }
  if (key?.id === '') {
    throw unsuitable('has our key without an id (CKA_ID)', 'Give it one with pkcs11-tool --set-id.');
  }
  return key;
}

async function makeKey(
  element: GuardedElement,
  { label, make }: Pkcs11SignerOptions,
): Promise<PublicKeyObject> {
  if (!make) throw unsuitable('has no key with the label of ours', 'Make it with: sudo encrocam identity');
  const taken = new Set(publicKeysIn(String(await element.login(listing))).map(({ id }) => id));
  await element.login(
    [`--label=${label}`, `--id=${freeId(taken)}`, '--keypairgen', '--key-type=EC:secp256k1', '--usage-sign'],
    { timeoutMs: makingMs },
  );
  const made = oneNamed(publicKeysIn(String(await element.login(listing))), label);
  if (!made) throw unsuitable('says it made a key, and does not show it');
  return made;
}

/** Two bytes: some elements have no room for more. */
function freeId(taken: ReadonlySet<string>): string {
  for (;;) {
    const id = randomInt(1, 0xfffe).toString(16).padStart(4, '0');
    if (!taken.has(id)) return id;
  }
}
