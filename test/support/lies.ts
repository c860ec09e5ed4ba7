/** A drive in front of a server that lies as a test tells it to. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import type { ErrorCode } from '../../runtime/errors.ts';
import type { FtpStorage } from '../../runtime/storage/ftp/storage.ts';
import type { ServerCertificate } from '../ftp-servers/certificates.ts';
import { hasCode } from '../integration/storage-contract.ts';
import { driveOf } from './drive.ts';
import { type LyingServer, type LyingServerOptions, startLyingServer } from './lying-server.ts';

export const liarsPassword = 'correct horse';

export interface Scene extends LyingServerOptions {
  secured?: ServerCertificate;
  timeoutSeconds?: number;
}

/** A drive in front of a server that lies as told; connected unless `work` is to see that fail. */
export async function withLies(
  scene: Scene,
  work: (storage: FtpStorage, server: LyingServer) => Promise<void>,
): Promise<void> {
  const tls = scene.secured && {
    cert: await readFile(scene.secured.certificateFile, 'utf8'),
    key: await readFile(scene.secured.keyFile, 'utf8'),
  };
  const server = await startLyingServer({ ...scene, ...(tls ? { tls } : {}) });
  const storage = driveOf(
    {
      host: server.host,
      port: server.port,
      user: 'camera',
      password: liarsPassword,
      caFile: scene.secured?.caFile ?? '',
    },
    {
      timeoutSeconds: scene.timeoutSeconds ?? 5,
      tls: scene.secured ? {} : { mode: 'off' },
    },
  );
  try {
    await work(storage, server);
  } finally {
    await storage.close();
    await server.stop();
  }
}

export async function connectFails(scene: Scene, ...codes: ErrorCode[]): Promise<void> {
  await withLies(scene, (storage) => assert.rejects(storage.connect(), hasCode(...codes)));
}

/** Writes `piece` again and again for as long as the other side reads. */
export function flood(socket: Socket, piece: string): void {
  const pour = (): void => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on('drain', pour);
  pour();
}
