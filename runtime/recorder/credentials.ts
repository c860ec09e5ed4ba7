/** Credentials in an address (`rtsp://user:password@host/`) must not reach a log. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/\/\/[^\s/@]+@/g, '//…@');
}
