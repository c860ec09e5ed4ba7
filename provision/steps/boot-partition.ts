/**
 * Files on the boot partition: what the owner drops there, and what is left there for the owner. It is FAT: no
 * permissions, readable by whoever holds the card. Overwriting before removing is what can be done; a card's
 * controller may keep a copy, which the guide says.
 */
import type { System } from '../system.ts';
import type { CameraKey } from './signing-key.ts';

export const answersFile = 'encrocam.json';
export const refusedFile = 'encrocam.refused.json';
export const reasonFile = 'encrocam.reason.txt';
const cameraKeyFile = 'encrocam-camera.asc';

/** What Raspberry Pi Imager writes: it may hold a Wi-Fi password and a password hash. */
const imagerFiles = ['user-data', 'network-config', 'meta-data'] as const;

const noModes = { mode: undefined };

/** Overwrites and removes whatever held answers: they are on the config volume by now. */
export async function clearBootFiles(system: System, bootDirectory: string): Promise<void> {
  for (const name of [answersFile, refusedFile, reasonFile, ...imagerFiles]) {
    await system.wipe(`${bootDirectory}/${name}`);
  }
  await system.run('sync', []);
}

/** Leaves the public key where the owner finds it when the card is put into a computer. */
export async function publishCameraKey(system: System, bootDirectory: string, key: CameraKey): Promise<void> {
  await system.write(`${bootDirectory}/${cameraKeyFile}`, key.publicKey, noModes);
}

/** The owner after this one must not take it for theirs. */
export async function forgetCameraKey(system: System, bootDirectory: string): Promise<void> {
  await system.remove(`${bootDirectory}/${cameraKeyFile}`);
}

/** Gives a refused answers file another name and says why beside it. The reason never holds a secret. */
export async function refuseAnswers(system: System, bootDirectory: string, reason: string): Promise<void> {
  const lines = [
    `EncroCam could not be set up with ${answersFile}, now called ${refusedFile}:`,
    '',
    reason,
    '',
    `Correct the file, call it ${answersFile} again, and start the camera; or answer the questions on the camera itself.`,
    'Remove the file when you no longer need it: it may hold passwords.',
    '',
  ];
  // First the reason: a file without a reason would be worse than a reason too early.
  await system.write(`${bootDirectory}/${reasonFile}`, lines.join('\r\n'), noModes);
  await system.rename(`${bootDirectory}/${answersFile}`, `${bootDirectory}/${refusedFile}`);
}

/** Says why the camera was not set up by a pairing code; it looks for another. The reason never holds a secret. */
export async function refusePairing(system: System, bootDirectory: string, reason: string): Promise<void> {
  const lines = [
    'EncroCam could not be set up with the pairing code that it saw:',
    '',
    reason,
    '',
    'Make another code, and show it to the camera.',
    '',
  ];
  await system.write(`${bootDirectory}/${reasonFile}`, lines.join('\r\n'), noModes);
}

/** Says what was left open; what was given stays, as the wizard takes it over. */
export async function explainMissing(
  system: System,
  bootDirectory: string,
  { source, missing }: { readonly source: string; readonly missing: readonly string[] },
): Promise<void> {
  const lines = [
    `${source} leaves these answers open: ${missing.join(', ')}.`,
    '',
    'Add them for a camera that sets itself up, or answer them on the camera: it asks for nothing else.',
    '',
  ];
  await system.write(`${bootDirectory}/${reasonFile}`, lines.join('\r\n'), noModes);
}
