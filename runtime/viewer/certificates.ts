/**
 * The certificates in a file, for whoever shows runs that began while the camera was locked. Headers that nobody signed cost
 * nothing to make, so the file is read once for all of them: its end, and all of it if that does not settle it.
 */
import type { Key } from 'openpgp';
import {
  type Certificate,
  decodeFinal,
  FileVerifier,
  type Header,
  importRunKey,
  linkOf,
  PacketReader,
  readCertificate,
} from '../encrocrypt/v3/index.ts';
import { certifiedAt } from '../pgp/open-run.ts';
import type { RandomAccess } from './source.ts';

/** A certificate stands right behind the run's end. */
const tailBytes = 1024 * 1024;
const stepBytes = 1024 * 1024;
/** Of all certificates in a file together: a camera makes one for each start, of some hundred bytes. */
const maxCertificateBytes = 8 * 2 ** 20;
/** Signatures of a file looked at in vain: then nothing in it is believed any more. */
const maxVainSignatures = 2000;
const maxRemembered = 4096;
/** Finals, and certificates, of the tail that are kept: the last ones. */
const maxInTail = 64;

interface Claim {
  readonly certificate: Certificate;
  /** Of the run, from its first, that it vouches for. */
  readonly packets: number;
}

/** What the file claims of its runs, by the hash of the header. */
interface Claims {
  readonly certificates: ReadonlyMap<string, readonly Claim[]>;
  readonly signatures: ReadonlyMap<string, readonly (Buffer | undefined)[]>;
}

/** The file's last bytes, and what in them can tell of any run. */
interface Tail {
  /** Of finals, each with the number of what came before it in the tail. */
  readonly finals: readonly { readonly body: Buffer; readonly place: number }[];
  readonly certificates: readonly { readonly certificate: Certificate; readonly place: number }[];
}

export class FileCertificates {
  readonly #access: RandomAccess;
  readonly #trusted: Key;
  #tail: Promise<Tail> | undefined;
  #claims: Promise<Claims> | undefined;
  /** By the hash of the header. */
  readonly #reaches = new Map<string, number | undefined>();
  #vainSignatures = 0;

  /** @param access a file that does not grow. */
  constructor(access: RandomAccess, trusted: Key) {
    this.#access = access;
    this.#trusted = trusted;
  }

  /** How many of a run's packets, from its first, the camera vouches for in this file; `undefined` if it does not. */
  async reachOf(header: Header): Promise<number | undefined> {
    const id = header.hash.toString('base64');
    if (this.#reaches.has(id)) return this.#reaches.get(id);
    const reach = (await this.#reachInTail(header)) ?? (await this.#reachInAll(header));
    const [oldest] = this.#reaches.keys();
    if (this.#reaches.size >= maxRemembered && oldest !== undefined) this.#reaches.delete(oldest);
    this.#reaches.set(id, reach);
    return reach;
  }

  /** Of all copies of a header in the file, each once; `undefined` for those that have none. Reads all of the file. */
  async signaturesOf(header: Header): Promise<readonly (Buffer | undefined)[]> {
    this.#claims ??= readClaims(this.#access);
    return (await this.#claims).signatures.get(idOf(header.hash)) ?? [];
  }

  /** Where a certificate there names the run's final, which stands there before it: none can reach further. */
  async #reachInTail(header: Header): Promise<number | undefined> {
    if (this.#access.sizeBytes <= tailBytes) return undefined;
    this.#tail ??= readTail(this.#access);
    const { finals, certificates } = await this.#tail;
    const { runId, runKey } = header.statement;
    for (const { certificate, place } of certificates) {
      if (!certificate.headerHash.equals(header.hash)) continue;
      const body = finals.find(
        (final) => final.place < place && linkOf(runId, final.body).equals(certificate.link),
      )?.body;
      const final = body && decodeFinal(body, runId, importRunKey(runKey));
      if (final && (await this.#isGenuine(header, certificate))) return final.count;
    }
    return undefined;
  }

  async #reachInAll(header: Header): Promise<number | undefined> {
    this.#claims ??= readClaims(this.#access);
    let reach: number | undefined;
    for (const { certificate, packets } of (await this.#claims).certificates.get(idOf(header.hash)) ?? []) {
      if (packets > (reach ?? -1) && (await this.#isGenuine(header, certificate))) reach = packets;
    }
    return reach;
  }

  async #isGenuine(header: Header, certificate: Certificate): Promise<boolean> {
    if (this.#vainSignatures >= maxVainSignatures) return false;
    const isGenuine = (await certifiedAt(header, certificate, this.#trusted)) !== undefined;
    if (!isGenuine) this.#vainSignatures += 1;
    return isGenuine;
  }
}

async function readTail(access: RandomAccess): Promise<Tail> {
  const offset = Math.max(0, access.sizeBytes - tailBytes);
  const reader = new PacketReader({ offset, hasKeys: false });
  reader.push(await access.read(offset, tailBytes));
  reader.end();
  const finals: { body: Buffer; place: number }[] = [];
  const certificates: { certificate: Certificate; place: number }[] = [];
  for (let item = reader.next(); item; item = reader.next()) {
    if (item.kind === 'final') finals.push({ body: Buffer.from(item.body), place: item.offset });
    if (item.kind !== 'certificate') continue;
    const certificate = readCertificate(item.body);
    if (certificate) certificates.push({ certificate, place: item.offset });
  }
  return { finals: finals.slice(-maxInTail), certificates: certificates.slice(-maxInTail) };
}

/** What `encrocam verify` would believe, but for the camera's signatures: by the hash of the header. */
async function readClaims(access: RandomAccess): Promise<Claims> {
  const claims = new Map<string, Claim[]>();
  const signatures = new Map<string, (Buffer | undefined)[]>();
  let bytesKept = 0;
  const verifier = new FileVerifier({
    onRun: () => undefined,
    onStretch: () => undefined,
    onRunEnd: ({ header, copies }) => {
      const known = signatures.get(idOf(header.hash)) ?? [];
      signatures.set(idOf(header.hash), [...known, ...copies.map(({ cameraSignature }) => cameraSignature)]);
    },
    onSkip: () => undefined,
    onCertificate: ({ packets, toMs: _, bytes: __, ...certificate }) => {
      bytesKept += certificate.cameraSignature.length;
      if (packets === undefined || bytesKept > maxCertificateBytes) return;
      const id = idOf(certificate.headerHash);
      const known = claims.get(id);
      if (known) known.push({ certificate, packets });
      else claims.set(id, [{ certificate, packets }]);
    },
  });
  for (let position = 0; position < access.sizeBytes; position += stepBytes) {
    verifier.push(await access.read(position, stepBytes));
  }
  verifier.end();
  return { certificates: claims, signatures };
}

function idOf(headerHash: Buffer): string {
  return headerHash.toString('base64');
}
