/**
 * The ledger's service as a process of its own that a test kills: `node ledger-process.ts CONFIG NOW`. With CRASH=n it kills itself at
 * the n-th request that it makes of a node, before or after that was answered: anywhere between two things that it does.
 */
import http from 'node:http';
import { openSigner } from '../../ledger/identity/index.ts';
import { LedgerService } from '../../ledger/service/service.ts';
import { loadConfig } from '../../runtime/config/load.ts';
import { createLogger } from '../../runtime/log.ts';
import { quickTimes } from './ledger-camera.ts';

const [configFile = '', nowText = ''] = process.argv.slice(2);
const config = await loadConfig(configFile);
const { ledger } = config;
if (!ledger) throw new Error('no ledger');

let left = Number(process.env.CRASH ?? 0) || Number.POSITIVE_INFINITY;
const door = (): void => {
  if (--left === 0) process.kill(process.pid, 'SIGKILL');
};
const realRequest = http.request;
// biome-ignore lint/suspicious/noExplicitAny: all of its forms
http.request = ((...request: [any]) => {
  door();
  return realRequest(...request).once('response', (response) => response.once('end', door));
}) as typeof http.request;

const nowMs = Number(nowText);
const beganMs = Date.now();
const service = new LedgerService({
  ...{ config, ledger, once: true, times: quickTimes },
  logger: createLogger({ level: 'debug', format: 'text' }),
  now: () => nowMs + Date.now() - beganMs,
  openSigner: () => openSigner(ledger.identity),
});
process.once('SIGTERM', () => service.stop());
process.exitCode = (await service.run()) ? 0 : 2;
// Connections that are kept open hold nothing up.
process.exit();
