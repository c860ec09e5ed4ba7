/** Lists of fields, each tag (u8), length (u16), value; tags ascend. What headers are made of. */
import { FormatError } from './format.ts';

export interface Field {
  readonly tag: number;
  readonly value: Buffer;
}

/** How often a tag may stand; those without a rule are unknown. */
export type FieldRules = Readonly<Record<number, 'one' | 'optional' | 'optional-many'>>;

/** From this tag on, a reader passes over what it does not know. */
export const firstIgnorableTag = 0x80;
const fieldHeaderBytes = 3;
const maxValueBytes = 0xffff;

/** @throws {FormatError} if a value is too long. */
export function encodeFields(fields: readonly Field[]): Buffer {
  const parts = fields.flatMap(({ tag, value }) => {
    if (value.length > maxValueBytes)
      throw new FormatError(`field ${tag} is too long: ${value.length} bytes`);
    const header = Buffer.allocUnsafe(fieldHeaderBytes);
    header.writeUInt8(tag);
    header.writeUInt16BE(value.length, 1);
    return [header, value];
  });
  return Buffer.concat(parts);
}

/** @throws {FormatError} for what breaks the rules of `docs/ref/encrocrypt3.md`. */
export function decodeFields(bytes: Buffer, rules: FieldRules): Field[] {
  const fields: Field[] = [];
  let position = 0;
  let lastTag = -1;
  while (position < bytes.length) {
    if (bytes.length - position < fieldHeaderBytes) throw new FormatError('a field is cut');
    const tag = bytes.readUInt8(position);
    const start = position + fieldHeaderBytes;
    const end = start + bytes.readUInt16BE(position + 1);
    if (end > bytes.length) throw new FormatError(`field ${tag} is cut`);
    const rule = rules[tag];
    if (rule === undefined && tag < firstIgnorableTag) throw new FormatError(`field ${tag} is unknown`);
    const mayRepeat = rule === undefined || rule === 'optional-many';
    if (tag < lastTag || (tag === lastTag && !mayRepeat))
      throw new FormatError(`field ${tag} is out of order`);
    if (rule !== undefined) fields.push({ tag, value: bytes.subarray(start, end) });
    lastTag = tag;
    position = end;
  }
  for (const [tag, rule] of Object.entries(rules)) {
    if (rule === 'one' && !fields.some((field) => field.tag === Number(tag))) {
      throw new FormatError(`field ${tag} is missing`);
    }
  }
  return fields;
}
