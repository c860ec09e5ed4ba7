/** The manifest by which Raspberry Pi Imager knows what the image is and how it can be customised. */
export interface ImagerInput {
  readonly title: string;
  readonly summary: string;
  readonly url: string;
  readonly releaseDate: string;
  readonly extractBytes: number;
  readonly extractSha256: string;
  readonly downloadBytes: number;
  readonly downloadSha256: string;
  /** By Imager's names, such as `pi4-64bit`. */
  readonly boards: readonly string[];
}

/** A lens over a card, drawn here: Imager wants an icon and can take it from the manifest itself. */
const icon = [
  '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40" viewBox="0 0 40 40">',
  '<rect x="4" y="4" width="32" height="32" rx="6" fill="#123"/>',
  '<circle cx="20" cy="20" r="10" fill="#eee"/><circle cx="20" cy="20" r="5" fill="#123"/></svg>',
].join('');

export function imagerManifest(input: ImagerInput): object {
  return {
    os_list: [
      {
        name: input.title,
        description: input.summary,
        icon: `data:image/svg+xml;base64,${Buffer.from(icon).toString('base64')}`,
        url: input.url,
        extract_size: input.extractBytes,
        extract_sha256: input.extractSha256,
        image_download_size: input.downloadBytes,
        image_download_sha256: input.downloadSha256,
        release_date: input.releaseDate,
        // What Imager asks the owner comes as user-data and network-config on the boot partition.
        init_format: 'cloudinit',
        devices: input.boards,
        architecture: 'armv8',
      },
    ],
  };
}
