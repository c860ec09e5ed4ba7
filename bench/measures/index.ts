/** What `make bench` measures, by the names that `ONLY` takes, in the order of the table. */
import type { Figure } from '../report.ts';

export type Measure = (directory: string) => Promise<Figure[]>;

/** Loaded one at a time: what one needs shall not weigh on another. */
export const measures: Readonly<Record<string, () => Promise<Measure>>> = {
  crypto: async () => (await import('./crypto.ts')).measureCrypto,
  seek: async () => (await import('./seek.ts')).measureSeek,
  recording: async () => (await import('./recording.ts')).measureRecording,
  verify: async () => (await import('./verify.ts')).measureVerify,
  qr: async () => (await import('./qr.ts')).measureQr,
  range: async () => (await import('./range.ts')).measureRange,
  watching: async () => (await import('./watching.ts')).measureWatching,
  services: async () => (await import('./services.ts')).measureServices,
  signing: async () => (await import('./signing.ts')).measureSigning,
  contracts: async () => (await import('./contracts.ts')).measureContracts,
  merkle: async () => (await import('./merkle.ts')).measureMerkle,
  image: async () => (await import('../../image/bench.ts')).measureImage,
  card: async () => (await import('./card.ts')).measureCard,
};
