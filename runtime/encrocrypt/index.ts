export type { Skip, SkipReason } from './cutter.ts';
export * from './format.ts';
export * from './reader.ts';
export * from './scan.ts';
export * from './writer.ts';
