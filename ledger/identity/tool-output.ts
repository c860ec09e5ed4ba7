/** What `pkcs11-tool` prints, read: tokens and public keys. Versions 0.23 to 0.26. */

export interface Token {
  readonly label: string;
  /** As it words them: `login required`, `user PIN locked`, … */
  readonly flags: readonly string[];
}

/** Of `--list-slots`. Slots without a token, or with one that was not set up, are left out. */
export function parseSlots(text: string): Token[] {
  return text.split(/^(?=Slot )/m).flatMap((slot) => {
    const label = field(slot, 'token label');
    return label === undefined ? [] : [{ label, flags: field(slot, 'token flags')?.split(', ') ?? [] }];
  });
}

export interface PublicKeyObject {
  readonly label: string;
  /** CKA_ID in lower-case hexadecimal digits; empty if it has none. */
  readonly id: string;
}

/** Of `--list-objects --type=pubkey`. */
export function publicKeysIn(text: string): PublicKeyObject[] {
  return text
    .split(/^(?=\S)/m)
    .filter((object) => object.startsWith('Public Key Object'))
    .map((object) => ({
      label: field(object, 'label') ?? '',
      id: (field(object, 'ID') ?? '').replaceAll(/[^0-9a-f]/gi, '').toLowerCase(),
    }));
}

function field(text: string, name: string): string | undefined {
  return new RegExp(`^ +${name} *: *(.*?) *$`, 'm').exec(text)?.[1];
}
