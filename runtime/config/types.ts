// Written by ci/generate.ts from config.schema.json: change that, then run `make generate`.
// A configuration as it is after loading: every setting that has a default is there.
// biome-ignore-all format: generated

export type Path = string;
/**
 * The cameras on this machine, each with a directory of its own on disk and drive.
 *
 * @minItems 1
 */
export type Cameras = [CameraConfig, ...CameraConfig[]];
/**
 * `auto` takes the hardware encoder where one works and `libx264` elsewhere; `copy` takes a camera's own H.264 as it is, without a burnt-in time.
 */
export type EncoderName = 'auto' | 'libx264' | 'h264_v4l2m2m' | 'copy';
/**
 * Sound to record with the pictures, as AAC. Without it, none is. If it fails, the pictures go on without it.
 */
export type AudioConfig = MicrophoneConfig | CameraSoundConfig;
/**
 * 1 for mono, 2 for stereo.
 */
export type AudioChannels = 1 | 2;
/**
 * Bit rate of the sound, all channels together.
 */
export type AudioBitRateKilobits = number;
/**
 * The drive that recordings are streamed to.
 */
export type StorageConfig = NoStorageConfig | DirectoryStorageConfig | FtpStorageConfig;
/**
 * Recordings older than this are removed from the drive. 0 keeps them for ever.
 */
export type DriveRetentionDays = number;
/**
 * Who removes what is past `retentionDays` from the drive. `server`: the camera never asks for a removal, as with an account that may only append; `retentionDays` then says how long the server keeps recordings, so that older ones are not uploaded again.
 */
export type DriveRetention = 'camera' | 'server';
/**
 * Where the key is that the camera signs transactions with.
 */
export type LedgerIdentity = FileIdentity | Pkcs11Identity;
/**
 * The least important lines that are still written.
 */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
/**
 * `text` has local time with its UTC offset, `journal` leaves the time to journald and gives it the level, `json` is one object a line. `auto`: `journal` under systemd, `text` elsewhere.
 */
export type LogFormat = 'auto' | 'text' | 'journal' | 'json';

/**
 * Everything an EncroCam camera can be told. Paths are relative to the configuration file.
 */
export interface Config {
  /**
   * Where this schema is, for editors that complete and check while typing. Not used by EncroCam.
   */
  $schema?: string;
  /**
   * Who can watch: owners with OpenPGP keys, an owner who was paired with the camera, or both.
   */
  owner: {
    /**
     * Files with the OpenPGP public keys of everybody who may watch. Recordings are encrypted for all of them, for an owner in owner.symmetricKeys, and for nobody else.
     *
     * @minItems 1
     */
    keys?: [Path, ...Path[]];
    /**
     * File with the keys of an owner without OpenPGP, as the pairing writes it. The recorder replaces it when the owner sends a new key. While it is locked the camera does not have them: it then records for OpenPGP keys alone, and without such not at all.
     */
    symmetricKeys?: string;
  };
  /**
   * The camera's own key: what it signs is what it recorded.
   */
  signing: {
    /**
     * File with the camera's OpenPGP secret key, without a passphrase: the partition it lies on is what protects it. Keep its fingerprint at home: it is what --signed-by checks.
     */
    key: string;
  };
  cameras: Cameras;
  recordings: RecordingsConfig;
  storage: StorageConfig;
  monitor?: MonitorConfig;
  ledger?: LedgerConfig;
  log: LogConfig;
}
/**
 * One camera.
 */
export interface CameraConfig {
  /**
   * Name in logs, in `encrocam status` and, unless told otherwise, of the directories. No two cameras share one.
   */
  name: string;
  /**
   * Directory of this camera inside `recordings.directory`. Default: its name.
   */
  directory?: string;
  /**
   * Directory of this camera inside the drive's directory. Default: its name.
   */
  driveDirectory?: string;
  /**
   * Where the pictures come from.
   */
  input: {
    /**
     * Input format in ffmpeg's terms: `v4l2` for anything that shows up as /dev/videoN, `lavfi` for a test picture, or any other that `ffmpeg -formats` lists.
     */
    format: string;
    /**
     * Device, address or file, in ffmpeg's terms.
     */
    device: string;
    /**
     * Pictures a second to ask the camera for. Without it, the camera's own choice.
     */
    frameRate?: number;
    /**
     * Width and height to ask the camera for. Without it, the camera's own choice.
     */
    resolution?: string;
    /**
     * What the camera shall deliver, in ffmpeg's terms: `yuyv422`, `mjpeg`, `h264`, … Without it, the camera's own choice.
     */
    pixelFormat?: string;
  };
  /**
   * How H.264 is made.
   */
  encoder: {
    name: EncoderName;
    /**
     * libx264's trade of processor time for size.
     */
    preset:
      'ultrafast' | 'superfast' | 'veryfast' | 'faster' | 'fast' | 'medium' | 'slow' | 'slower' | 'veryslow';
    /**
     * Time between two key frames: playback can begin at each of them.
     */
    keyFrameIntervalSeconds: number;
    /**
     * Mean bit rate to aim for. Without it, libx264 keeps a constant quality and a hardware encoder its own default.
     */
    bitRateKilobits?: number;
  };
  /**
   * Whether local time with its UTC offset is drawn into the picture, where the encryption vouches for it.
   */
  burnInTime: boolean;
  /**
   * Time for which video is collected into one encrypted packet. Shorter is more live, longer costs fewer bytes (54 a packet).
   */
  encryptIntervalMs: number;
  /**
   * Time without any video after which ffmpeg is restarted; three times as long before its first.
   */
  stallTimeoutSeconds: number;
  audio?: AudioConfig;
  motion?: MotionConfig;
}
/**
 * A microphone of its own.
 */
export interface MicrophoneConfig {
  from: 'microphone';
  /**
   * Input format in ffmpeg's terms: `alsa`, `pulse`, `lavfi` for a test tone, or any other that `ffmpeg -formats` lists.
   */
  format: string;
  /**
   * Device, address or file, in ffmpeg's terms. `arecord -L` lists those of ALSA; one that begins with `plughw:` takes any sample rate and any number of channels.
   */
  device: string;
  /**
   * Samples a second to ask the microphone for.
   */
  sampleRate: 8000 | 16000 | 22050 | 32000 | 44100 | 48000;
  channels: AudioChannels;
  bitRateKilobits: AudioBitRateKilobits;
}
/**
 * The sound of the camera's own stream (`rtsp`, say). A stream that has none is recorded without.
 */
export interface CameraSoundConfig {
  from: 'camera';
  channels: AudioChannels;
  bitRateKilobits: AudioBitRateKilobits;
}
/**
 * Marks in the recording where the picture changes. Without it, nothing is watched; everything is recorded either way.
 */
export interface MotionConfig {
  /**
   * How small and how faint a change counts: 1 is a change of much of the picture, 100 is one of a few pixels, noise among them.
   */
  sensitivity: number;
  /**
   * The parts of the picture that are watched, each by itself; what lies in none of them is not. Without it, the whole picture is one zone, `picture`.
   *
   * @minItems 1
   */
  zones?: [MotionZone, ...MotionZone[]];
  /**
   * Time without any change after which motion has ended.
   */
  holdSeconds: number;
  /**
   * Time in which motion in the same zone calls `command` and `webhook` only once. Marks are made all the same.
   */
  cooldownSeconds: number;
  /**
   * Program to run when motion begins, and its arguments. No shell is involved; what happened is in its environment and, as JSON, on its standard input. Unlike `webhook`, it is shown where the configuration is: keep passwords out of the arguments.
   *
   * @minItems 1
   */
  command?: [string, ...string[]];
  /**
   * Longest time the program may take before it is killed.
   */
  commandTimeoutSeconds: number;
  /**
   * Address to POST JSON to when motion begins. Whoever knows it can raise the alarm: it is treated as a secret, and not used while the camera is locked.
   */
  webhook?: string;
}
/**
 * A part of the picture: a rectangle.
 */
export interface MotionZone {
  /**
   * Name in the marks. No two zones of a camera share one.
   */
  name: string;
  /**
   * Left edge, from the left edge of the picture.
   */
  x: number;
  /**
   * Upper edge, from the upper edge of the picture.
   */
  y: number;
  /**
   * Width.
   */
  width: number;
  /**
   * Height.
   */
  height: number;
}
/**
 * Recordings on this machine's disk.
 */
export interface RecordingsConfig {
  /**
   * Directory that holds one directory a camera. It needs no protection: what is in it is encrypted.
   */
  directory: string;
  /**
   * How recordings are encrypted. `encrocrypt3`: they prove themselves, and parts of them can be given away. `encrocrypt2`: for software that knows no other; what is left out of such a recording cannot be told.
   */
  format: 'encrocrypt3' | 'encrocrypt2';
  /**
   * What the encrypted video is: fragmented MP4, or MPEG-TS. EncroCrypt2 has MPEG-TS only.
   */
  container: 'mp4' | 'mpegts';
  /**
   * Whether this camera records before anybody unlocks it: encrypted for its owners as ever, and certified once it is unlocked. For that, the owners' public keys and the settings of cameras and recordings lie outside the encrypted volume. Cameras whose address has more in it than a host and a port wait for the unlocking: there may be a password.
   */
  whileLocked: boolean;
  /**
   * Length of one recording file. Files begin at whole multiples of it since 1970-01-01T00:00Z.
   */
  hoursPerRecording: number;
  /**
   * Recordings older than this are removed from the disk.
   */
  retentionDays: number;
  /**
   * Most space that all recordings on the disk may take together. When it is reached, the oldest recordings that the drive holds completely go first. Without it, only `keepFreeMegabytes` bounds them.
   */
  diskBudgetGigabytes?: number;
  /**
   * Space left free on the disk, so that the system itself goes on working.
   */
  keepFreeMegabytes: number;
  /**
   * Whether clean-up also removes files in the cameras' directories, on disk and drive, that are not recordings. Old ones only, by modification time on disk; on the drive only where it tells one.
   */
  removeUnrecognisedFiles: boolean;
}
/**
 * No drive: recordings stay on this machine.
 */
export interface NoStorageConfig {
  driver: 'none';
}
/**
 * A directory: a mounted disk or network share.
 */
export interface DirectoryStorageConfig {
  driver: 'directory';
  /**
   * Where the cameras' directories go. It must exist, so that a disk that is not mounted is noticed.
   */
  directory: string;
  retentionDays: DriveRetentionDays;
  retention: DriveRetention;
}
/**
 * An FTP drive.
 */
export interface FtpStorageConfig {
  driver: 'ftp';
  /**
   * Name or address of the server.
   */
  host: string;
  /**
   * TCP port of the control connection.
   */
  port: number;
  /**
   * Account on the drive.
   */
  user: string;
  /**
   * Password of the account.
   */
  password: string;
  /**
   * Directory on the drive that holds the cameras' directories. Made when missing.
   */
  directory: string;
  /**
   * Longest wait for an answer of the server before the connection is given up.
   */
  timeoutSeconds: number;
  /**
   * Which addresses to use.
   */
  ipFamily: 'auto' | 'ipv4' | 'ipv6';
  tls: FtpTlsConfig;
  retentionDays: DriveRetentionDays;
  retention: DriveRetention;
}
/**
 * How the connection is protected.
 */
export interface FtpTlsConfig {
  /**
   * `explicit`: TLS is negotiated on the ordinary port and required, data connections included. `off`: plain FTP; recordings stay unreadable, but the password crosses the network in the clear and whoever reads it can delete them.
   */
  mode: 'explicit' | 'off';
  /**
   * Oldest TLS version that is accepted.
   */
  minimumVersion: 'TLSv1.2' | 'TLSv1.3';
  /**
   * File with the certificate(s), PEM, that the server's certificate must lead to, instead of the system's.
   */
  certificateAuthority?: string;
  /**
   * SHA-256 fingerprint of the server's own certificate. Given, exactly that certificate is accepted, whoever issued it, whatever name and dates it bears.
   */
  fingerprint?: string;
}
/**
 * An uptime monitor, called only while recording and upload both progress. Its silence is the alarm.
 */
export interface MonitorConfig {
  /**
   * Address to GET. Whoever knows it can silence the alarm: it is treated as a secret.
   */
  url: string;
  /**
   * Time between two calls.
   */
  intervalSeconds: number;
  /**
   * Also call `<url>/start` when the syncer starts and `<url>/fail` as soon as recording or upload stops, in the manner of healthchecks.io.
   */
  startAndFailSignals: boolean;
  /**
   * Longest wait for an answer.
   */
  timeoutSeconds: number;
}
/**
 * A public chain that holds who owns this camera, and what it recorded. Without it nothing else changes; recording and upload never wait for it.
 */
export interface LedgerConfig {
  /**
   * Number of the chain. Nodes of another one are refused.
   */
  chainId: number;
  /**
   * Addresses of nodes (JSON-RPC). Give several, of different operators: their answers are compared, and where they differ nothing is concluded. They may hold an access key: they are treated as secrets.
   *
   * @minItems 1
   */
  rpcUrls: [string, ...string[]];
  contracts: LedgerContracts;
  /**
   * Address of the owner's wallet, which the camera claims as its owner. Without it nobody is claimed.
   */
  owner?: string;
  identity: LedgerIdentity;
  /**
   * One checkpoint for so much time. Each costs a fee: a day is 365 of them a year, an hour 8766.
   */
  periodMinutes: number;
  /**
   * Most that is paid for a unit of gas. While the chain asks for more, checkpoints wait.
   */
  maximumFeeGwei: number;
  /**
   * Blocks, its own included, after which a transaction counts as lasting.
   */
  confirmations: number;
  /**
   * Below so much in the camera's wallet it warns, in the log and in `encrocam status`. The monitor is told of a failure when the wallet cannot pay and a checkpoint waits for more than a period.
   */
  lowBalance: number;
}
/**
 * Where the two contracts are.
 */
export interface LedgerContracts {
  /**
   * Address of the contract that holds who owns which camera.
   */
  ownership: string;
  /**
   * Address of the contract that holds what was recorded.
   */
  checkpoints: string;
}
export interface FileIdentity {
  /**
   * A file on the partition with the configuration.
   */
  driver: 'file';
  /**
   * File with the key, made when it is not there.
   */
  key: string;
}
export interface Pkcs11Identity {
  /**
   * A secure element, which the key never leaves.
   */
  driver: 'pkcs11';
  /**
   * The PKCS#11 library of the element.
   */
  module: string;
  /**
   * Label of the token.
   */
  token: string;
  /**
   * Label of the key on the token. Made when it is not there.
   */
  label: string;
  /**
   * The token's user PIN.
   */
  pin: string;
}
/**
 * What is logged to standard error (the journal, under systemd).
 */
export interface LogConfig {
  level: LogLevel;
  format: LogFormat;
}
