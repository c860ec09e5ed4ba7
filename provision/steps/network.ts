/**
 * Wi-Fi by wpa_supplicant and systemd-networkd. What has to be readable before unlocking lies on the root partition;
 * to keep the passphrase itself off it, only the key that WPA2 derives from it and the network's name is stored: it
 * opens this one network, not whatever else the passphrase is used for.
 */
import { pbkdf2Sync } from 'node:crypto';
import type { WifiAnswers } from '../answers/types.ts';
import type { System } from '../system.ts';
import type { Step } from './step.ts';

const networkFile = '/etc/systemd/network/30-encrocam-wifi.network';

export const networkStep: Step = {
  id: 'network',
  title: 'Joining the wireless network',
  async isDone({ system, place, answers }) {
    const { wifi } = answers.network;
    if (place.kind === 'installed' || wifi === undefined) return true;
    const radios = await radioInterfaces(system);
    if (radios.length === 0) return false;
    const wanted = supplicantConfig(wifi);
    for (const radio of radios) {
      if ((await system.readText(configFile(radio))) !== wanted) return false;
    }
    return (await system.readText(networkFile)) === networkConfig;
  },
  async run({ system, answers, reporter }) {
    const { wifi } = answers.network;
    if (wifi === undefined) return;
    if ((await joinWifi(system, wifi)) === 0) {
      reporter.warning(
        'No radio was found: the wireless network cannot be joined.',
        'Plug the adapter in and start again, or use Ethernet.',
      );
    }
  },
};

/**
 * Sets every radio up for the network and starts to join it, without waiting for that: it may take long, or fail for
 * a wrong password, which the journal tells.
 * @returns how many radios there are.
 */
export async function joinWifi(system: System, wifi: WifiAnswers): Promise<number> {
  const radios = await radioInterfaces(system);
  if (radios.length === 0) return 0;
  await system.write(networkFile, networkConfig);
  for (const radio of radios) {
    await system.write(configFile(radio), supplicantConfig(wifi), { mode: 0o600 });
    await system.run('systemctl', ['enable', `wpa_supplicant@${radio}.service`]);
  }
  await unblockRadios(system);
  await system.run('networkctl', ['reload'], { exitCodes: [0, 1] });
  for (const radio of radios) {
    await system.run('systemctl', ['restart', '--no-block', `wpa_supplicant@${radio}.service`]);
  }
  return radios.length;
}

/** Leaves no wireless network. */
export async function forgetWifi(system: System): Promise<void> {
  for (const name of await system.list(supplicantDirectory)) {
    const radio = /^wpa_supplicant-(.+)\.conf$/.exec(name)?.[1];
    if (radio === undefined) continue;
    await system.run('systemctl', ['disable', `wpa_supplicant@${radio}.service`]);
    await system.wipe(`${supplicantDirectory}/${name}`);
  }
  await system.remove(networkFile);
}

/** Some boards start with the radio switched off by software. The kernel's own files do what rfkill(8) does. */
async function unblockRadios(system: System): Promise<void> {
  for (const name of await system.list('/sys/class/rfkill')) {
    const directory = `/sys/class/rfkill/${name}`;
    if ((await system.readText(`${directory}/type`))?.trim() !== 'wlan') continue;
    await system.run('tee', [system.at(`${directory}/soft`)], { input: '0' });
  }
}

/** Names of the interfaces that are radios. */
export async function radioInterfaces(system: System): Promise<string[]> {
  const radios: string[] = [];
  for (const name of await system.list('/sys/class/net')) {
    if (await system.exists(`/sys/class/net/${name}/phy80211`)) radios.push(name);
  }
  return radios;
}

const supplicantDirectory = '/etc/wpa_supplicant';
const configFile = (radio: string): string => `${supplicantDirectory}/wpa_supplicant-${radio}.conf`;

const networkConfig = `# Written by EncroCam's provisioning.
[Match]
Type=wlan

[Link]
RequiredForOnline=no

[Network]
DHCP=yes
# Access points are changed without losing the address.
IgnoreCarrierLoss=5s

[DHCPv4]
# Ethernet, where it is plugged in, goes first.
RouteMetric=600

[IPv6AcceptRA]
RouteMetric=600
`;

export function supplicantConfig(wifi: WifiAnswers): string {
  const lines = [
    "# Written by EncroCam's provisioning.",
    'ctrl_interface=DIR=/run/wpa_supplicant GROUP=netdev',
    `country=${wifi.country}`,
    'network={',
    // In hexadecimal no name needs quoting.
    `  ssid=${Buffer.from(wifi.ssid, 'utf8').toString('hex')}`,
    `  scan_ssid=${wifi.hidden ? 1 : 0}`,
    ...(wifi.passphrase === undefined
      ? ['  key_mgmt=NONE']
      : [
          `  psk=${wpaKey(wifi.ssid, wifi.passphrase)}`,
          '  key_mgmt=WPA-PSK WPA-PSK-SHA256',
          '  ieee80211w=1',
        ]),
    '}',
    '',
  ];
  return lines.join('\n');
}

/** IEEE 802.11, annex J.4: PBKDF2-SHA1 over the network's name, 4096 rounds, 256 bits. 64 digits are a key already. */
export function wpaKey(ssid: string, passphrase: string): string {
  if (/^[0-9A-Fa-f]{64}$/.test(passphrase)) return passphrase.toLowerCase();
  return pbkdf2Sync(passphrase, Buffer.from(ssid, 'utf8'), 4096, 32, 'sha1').toString('hex');
}
