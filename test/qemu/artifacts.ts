import path from 'node:path';

/** Transcripts, pictures and the report: what is left for people to look at. */
export const artifactsDirectory = path.resolve(import.meta.dirname, '../../build/qemu');
