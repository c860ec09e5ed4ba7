import type { ValidateFunction } from 'ajv';
import { createAjv } from './ajv.ts';
import { configSchema } from './schema.ts';

/** The schema's validator. The bundler replaces this module by ajv's finished code (see `ci/bundle.ts`). */
const validate: ValidateFunction = createAjv().compile(configSchema);
export default validate;
