import type { ValidateFunction } from 'ajv';
import { createAjv } from '../../runtime/config/ajv.ts';
import { answersSchema } from '../../runtime/config/schema.ts';

/** The validator of answers. The bundler replaces this module by ajv's finished code (see `ci/bundle.ts`). */
const validate: ValidateFunction = createAjv().compile(answersSchema);
export default validate;
