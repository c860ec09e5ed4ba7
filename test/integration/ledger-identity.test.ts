/**
 * The camera's identity on a chain: one contract for both drivers, the secure element being SoftHSM2.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createPublicClient, createWalletClient, type Hex, http, parseEther, recoverAddress } from 'viem';
import { anvil } from 'viem/chains';
import { bytesToHex, recoverMessageAddress, recoverTypedDataAddress } from 'viem/utils';
import { accountOf, openSigner, type Signer } from '../../ledger/identity/index.ts';
import type { LedgerIdentity } from '../../runtime/config/types.ts';
import { awkwardPin, createSoftToken, type SoftToken } from '../support/soft-token.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const halfOrder = 0x7fffffff_ffffffff_ffffffff_ffffffff_5d576e73_57a4501d_dfe92f46_681b20a0n;

interface Chain {
  readonly url: string;
  readonly process: ChildProcess;
}

async function startChain(): Promise<Chain> {
  const port = await new Promise<number>((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = server.address() as net.AddressInfo;
      server.close(() => resolve(free));
    });
  });
  const child = spawn(path.join(root, 'node_modules/.bin/anvil'), ['--port', String(port), '--silent'], {
    stdio: 'ignore',
  });
  const url = `http://127.0.0.1:${port}`;
  const client = createPublicClient({ chain: anvil, transport: http(url, { retryCount: 0 }) });
  for (let tries = 0; ; tries++) {
    if (await client.getChainId().catch(() => undefined)) return { url, process: child };
    assert.ok(tries < 300 && child.exitCode === null, 'anvil does not start');
    await wait(100);
  }
}

let place: string;
let token: SoftToken;
let chain: Chain;

before(async () => {
  place = await mkdtemp(path.join(os.tmpdir(), 'encrocam-identity-'));
  token = await createSoftToken(awkwardPin);
  chain = await startChain();
});

after(async () => {
  chain?.process.kill();
  await token?.remove();
  await rm(place, { recursive: true, force: true });
});

const drivers: readonly {
  readonly name: string;
  readonly digests: number;
  identity(key: string): LedgerIdentity;
}[] = [
  {
    name: 'file',
    digests: 1000,
    identity: (key) => ({ driver: 'file', key: path.join(place, `${key}.key`) }),
  },
  { name: 'pkcs11', digests: 40, identity: (key) => ({ ...token.identity, label: `-${key} key` }) },
];

const openInProcess = async (identity: LedgerIdentity, digest: Hex): Promise<{ address: Hex; r: Hex }> => {
  const code = `
    import { openSigner } from ${JSON.stringify(path.join(root, 'ledger/identity/index.ts'))};
    const signer = await openSigner(${JSON.stringify(identity)});
    const { r } = await signer.signDigest(Buffer.from('${digest.slice(2)}', 'hex'));
    await signer.close();
    console.log(JSON.stringify({ address: signer.address, r }));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code]);
  return JSON.parse(stdout);
};

for (const driver of drivers) {
  describe(`the ${driver.name} driver`, () => {
    let signer: Signer;
    before(async () => {
      signer = await openSigner(driver.identity('own'));
    });
    after(() => signer.close());

    test('makes a key where there is none, and finds it again', async () => {
      assert.match(signer.address, /^0x[0-9a-f]{40}$/);
      const again = await openSigner(driver.identity('own'), { make: false });
      assert.equal(again.address, signer.address);
      await again.close();
    });

    test('makes none where it is told not to', async () => {
      await assert.rejects(openSigner(driver.identity('none'), { make: false }), {
        code: driver.name === 'file' ? 'IDENTITY_UNREADABLE' : 'ELEMENT_UNSUITABLE',
      });
    });

    test(`${driver.digests} random digests: the signature is the address's, with the right parity and a low s`, async () => {
      for (let round = 0; round < driver.digests; round++) {
        const digest = randomBytes(32);
        const signature = await signer.signDigest(digest);
        assert.match(signature.r, /^0x[0-9a-f]{64}$/);
        assert.match(signature.s, /^0x[0-9a-f]{64}$/);
        assert.ok(BigInt(signature.s) <= halfOrder);
        const recovered = await recoverAddress({ hash: bytesToHex(digest), signature });
        assert.equal(recovered.toLowerCase(), signer.address);
      }
    });

    test('digests whose bytes are all the same, and their first or last zero, are signed as they are', async () => {
      for (const digest of [
        Buffer.alloc(32),
        Buffer.alloc(32, 255),
        Buffer.alloc(32, 1).fill(0, 0, 8),
        Buffer.alloc(32, 10),
      ]) {
        const signature = await signer.signDigest(digest);
        const recovered = await recoverAddress({ hash: bytesToHex(digest), signature });
        assert.equal(recovered.toLowerCase(), signer.address);
      }
    });

    test('what is no digest is refused', async () => {
      for (const length of [0, 31, 33, 64]) {
        await assert.rejects(signer.signDigest(Buffer.alloc(length)), RangeError);
      }
    });

    test('calls may overlap', async () => {
      const digests = Array.from({ length: 8 }, () => randomBytes(32));
      const signatures = await Promise.all(digests.map((digest) => signer.signDigest(digest)));
      for (const [index, signature] of signatures.entries()) {
        const hash = bytesToHex(digests[index] ?? Buffer.alloc(0));
        assert.equal((await recoverAddress({ hash, signature })).toLowerCase(), signer.address);
      }
    });

    test('messages and typed data are signed for the address', async () => {
      const account = accountOf(signer);
      const message = 'EncroCam';
      const signature = await account.signMessage({ message });
      assert.equal((await recoverMessageAddress({ message, signature })).toLowerCase(), signer.address);
      const typed = {
        domain: { name: 'EncroCam', chainId: 31337 },
        types: { Seen: [{ name: 'run', type: 'bytes16' }] },
        primaryType: 'Seen',
        message: { run: `0x${'ab'.repeat(16)}` },
      } as const;
      const typedSignature = await account.signTypedData(typed);
      assert.equal(
        (await recoverTypedDataAddress({ ...typed, signature: typedSignature })).toLowerCase(),
        signer.address,
      );
    });

    test('a chain accepts a transaction that it signed', async () => {
      const client = createPublicClient({ chain: anvil, transport: http(chain.url) });
      const account = accountOf(signer);
      await client.request({
        // @ts-expect-error anvil's own
        method: 'anvil_setBalance',
        params: [signer.address, '0xde0b6b3a7640000'],
      });
      const wallet = createWalletClient({ account, chain: anvil, transport: http(chain.url) });
      const to = `0x${randomBytes(20).toString('hex')}` as const;
      const hash = await wallet.sendTransaction({ to, value: parseEther('0.25') });
      const receipt = await client.waitForTransactionReceipt({ hash });
      assert.equal(receipt.status, 'success');
      assert.equal(receipt.type, 'eip1559');
      assert.equal(receipt.from, signer.address);
      assert.equal(await client.getBalance({ address: to }), parseEther('0.25'));
    });

    test('three processes that start at once make one key, and all sign with it', async () => {
      const identity = driver.identity('shared');
      const digest = bytesToHex(randomBytes(32));
      const all = await Promise.all([1, 2, 3].map(() => openInProcess(identity, digest)));
      assert.equal(new Set(all.map(({ address }) => address)).size, 1);
      assert.equal((await openSigner(identity, { make: false })).address, all[0]?.address);
    });

    test('after closing nothing is signed', async () => {
      const other = await openSigner(driver.identity('own'));
      await other.close();
      await assert.rejects(other.signDigest(Buffer.alloc(32)), /closed/);
    });
  });
}

describe('the file driver', () => {
  test("signs as RFC 6979 and everybody's test wallet do", async () => {
    const key = path.join(place, 'known.key');
    await writeFile(
      key,
      '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80\n0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266\n',
      { mode: 0o600 },
    );
    const signer = await openSigner({ driver: 'file', key });
    assert.equal(signer.address, '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266');
    const digest = randomBytes(32);
    assert.deepEqual(await signer.signDigest(digest), await signer.signDigest(digest));
  });
});
