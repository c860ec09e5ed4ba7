/**
 * The camera's identity on the chain: whatever holds a secp256k1 key and signs digests with it. Two drivers, a file
 * (`file-signer.ts`) and a secure element (`pkcs11-signer.ts`), keep one contract: `test/integration/ledger-identity.test.ts`.
 */
import type { Address, Hex, LocalAccount, SerializeTransactionFn, Signature } from 'viem';
import { toAccount } from 'viem/accounts';
import {
  hashMessage,
  hashTypedData,
  hexToBytes,
  keccak256,
  numberToHex,
  recoverAddress,
  serializeTransaction,
} from 'viem/utils';

/** What Ethereum takes: `s` in the lower half of the group's order (EIP-2), and the parity of the point's y. */
export interface DigestSignature {
  /** 32 bytes. */
  readonly r: Hex;
  /** 32 bytes. */
  readonly s: Hex;
  readonly yParity: 0 | 1;
}

export interface Signer {
  /** In lower case. */
  readonly address: Address;
  /**
   * Signs 32 bytes as they are: the Keccak-256 of something. Calls may overlap.
   * @throws {EncroCamError} `ELEMENT_UNAVAILABLE` (later it may work), `ELEMENT_PIN`, `ELEMENT_UNSUITABLE` (it will not, before somebody did something)
   */
  signDigest(digest: Uint8Array): Promise<DigestSignature>;
  /** Ends what it started. Signing is refused afterwards. */
  close(): Promise<void>;
}

/** SEC 2, 2.4.1: the order of the group of secp256k1. */
const order = 0xffffffff_ffffffff_ffffffff_fffffffe_baaedce6_af48a03b_bfd25e8c_d0364141n;

/**
 * What an element answers, r ‖ s, as Ethereum takes it.
 * @throws {Error} if that is no signature of `address` over `digest`
 */
export async function normalise(
  raw: Uint8Array,
  digest: Uint8Array,
  address: Address,
): Promise<DigestSignature> {
  if (raw.length !== 64) throw new Error(`the signature has ${raw.length} bytes, not 64`);
  const number = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  const r = number(raw.subarray(0, 32));
  const high = number(raw.subarray(32));
  if (high >= order) throw new Error(`the signature is not one of ${address}`);
  // Both s and -s are valid for everybody but Ethereum, which takes the smaller one alone.
  const s = high > order / 2n ? order - high : high;
  for (const yParity of [0, 1] as const) {
    const signature = { r: numberToHex(r, { size: 32 }), s: numberToHex(s, { size: 32 }), yParity };
    const signedBy = await recoverAddress({ hash: digest, signature }).catch(() => undefined);
    if (signedBy?.toLowerCase() === address) return signature;
  }
  throw new Error(`the signature is not one of ${address}`);
}

/** @throws {RangeError} for anything but 32 bytes: what is signed is always a digest. */
export function checkDigest(digest: Uint8Array): void {
  if (digest.length !== 32) throw new RangeError(`a digest has 32 bytes, not ${digest.length}`);
}

/** The signer as an account of viem, which signs transactions, messages (EIP-191) and typed data (EIP-712). */
export function accountOf(signer: Signer): LocalAccount {
  const signHash = (hash: Hex): Promise<Signature> => signer.signDigest(hexToBytes(hash));
  // r ‖ s ‖ v, v being 27 or 28.
  const signSerialized = async (hash: Hex): Promise<Hex> => {
    const { r, s, yParity } = await signHash(hash);
    return `${r}${s.slice(2)}${yParity === 1 ? '1c' : '1b'}`;
  };
  return toAccount({
    address: signer.address,
    sign: ({ hash }) => signSerialized(hash),
    signMessage: ({ message }) => signSerialized(hashMessage(message)),
    signTypedData: (typedData) => signSerialized(hashTypedData(typedData)),
    async signTransaction(transaction, { serializer } = {}) {
      const serialize = (serializer ?? serializeTransaction) as SerializeTransactionFn;
      return serialize(transaction, await signHash(keccak256(await serialize(transaction))));
    },
  });
}
