/**
 * Canonical JSON (RFC 8785): what signatures and digests of JSON are made over. ECMAScript writes numbers and strings
 * as the RFC wants them; what is left to do is the order of members, and to refuse what JSON cannot hold.
 */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** No message nests deeper, and no stack overflows. */
export const maxDepth = 32;

/**
 * Members whose value is `undefined` are left out.
 * @throws {RangeError} for what is no JSON (other values, numbers that are not finite, halves of surrogate pairs), or
 * nests deeper than `maxDepth`.
 */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > maxDepth) throw new RangeError(`JSON that nests deeper than ${maxDepth}`);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return text(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(',')}]`;
  if (typeof value === 'object' && isPlain(value)) {
    // 3.2.3: sorted by UTF-16 code units, as ECMAScript compares strings.
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([one], [other]) => (one < other ? -1 : 1));
    const texts = members.map(([name, member]) => `${text(name)}:${canonicalJson(member, depth + 1)}`);
    return `{${texts.join(',')}}`;
  }
  throw new RangeError(`a value that JSON does not have: ${typeof value}`);
}

function text(value: string): string {
  if (!value.isWellFormed()) throw new RangeError('a text with half a surrogate pair');
  return JSON.stringify(value);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
