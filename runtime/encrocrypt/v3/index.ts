export * from './chain.ts';
export * from './format.ts';
export * from './header.ts';
export * from './key-tree.ts';
export * from './merkle.ts';
export * from './reader.ts';
export * from './run-key.ts';
export * from './run-writer.ts';
