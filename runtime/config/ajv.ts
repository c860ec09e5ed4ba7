import { Ajv2020 } from 'ajv/dist/2020.js';
import { annotationKeywords } from './schema.ts';

/**
 * ajv as EncroCam uses it. `code: true` makes one whose validators can be written out as JavaScript: the bundle
 * for the camera holds the finished validator instead of ajv's compiler, which saves memory and start-up time.
 */
export function createAjv(code = false): Ajv2020 {
  const ajv = new Ajv2020({
    allErrors: true,
    verbose: true,
    useDefaults: true,
    discriminator: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
    ...(code ? { code: { source: true, esm: true } } : {}),
  });
  ajv.addVocabulary([...annotationKeywords]);
  return ajv;
}
