/** Of an address only the host is shown: before it, and in what is asked of it, there may be a password. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(
    /\/\/(\S*@)?([^\s/?#@:]*)(\S*?)(?=[:.,]*(\s|$))/g,
    (_, login: string | undefined, host: string, rest: string) =>
      `//${login === undefined ? '' : '…@'}${host}${rest === '' ? '' : '/…'}`,
  );
}
