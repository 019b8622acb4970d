import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * An event file of TensorBoard. Whoever reads the directory reads the figures: write only what is public (epsilon, step,
 * learning rate, metrics on public data).
 */
export interface EventFile {
  readonly path: string;
  /** Adds one event, on disk at once. @param step - 0 or more */
  write(step: number, scalars: Readonly<Record<string, number>>): void;
  close(): void;
}

/**
 * Starts a new event file, named by the second of its start only: neither host nor process.
 * @param directory - made if it is not there; TensorBoard joins all files in it to one run, so a resumed run adds a file
 * @param now - seconds since 1970
 */
export function createEventFile(directory: string, now: () => number = () => Date.now() / 1000): EventFile {
  mkdirSync(directory, { recursive: true });
  const start = now();
  const stem = `events.out.tfevents.${String(Math.floor(start)).padStart(10, '0')}`;
  const { path, file } = openNew(directory, stem);
  writeSync(file, recordOf(eventOf(start, 0, stringField(3, 'brain.Event:2'))));
  return {
    path,
    write(step, scalars) {
      const values = Object.entries(scalars).map(([tag, value]) =>
        bytesField(1, Buffer.concat([stringField(1, tag), floatField(2, value)])),
      );
      writeSync(file, recordOf(eventOf(now(), step, bytesField(5, Buffer.concat(values)))));
    },
    close: () => closeSync(file),
  };
}

/** Opens the first of `stem`, `stem.1`, ... that does not exist. */
function openNew(directory: string, stem: string): { path: string; file: number } {
  for (let attempt = 0; ; attempt++) {
    const path = join(directory, attempt === 0 ? stem : `${stem}.${attempt}`);
    try {
      return { path, file: openSync(path, 'ax') };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

// Protocol buffers (https://protobuf.dev/programming-guides/encoding), as far as tensorboard/compat/proto/event.proto and
// summary.proto need them: Event {double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5},
// Summary {repeated Value value = 1}, Value {string tag = 1; float simple_value = 2}.

function eventOf(wallTime: number, step: number, content: Buffer): Buffer {
  const time = Buffer.alloc(9);
  time[0] = tagOf(1, FIXED_64);
  time.writeDoubleLE(wallTime, 1);
  const stepField = step === 0 ? [] : [Buffer.of(tagOf(2, VARINT)), varint(step)];
  return Buffer.concat([time, ...stepField, content]);
}

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

function tagOf(field: number, wireType: number): number {
  return (field << 3) | wireType;
}

/** Base 128, least significant group first. @param value - a whole number from 0 to 2^53 - 1 */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function bytesField(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tagOf(field, LENGTH_DELIMITED)), varint(bytes.length), bytes]);
}

function stringField(field: number, text: string): Buffer {
  return bytesField(field, Buffer.from(text, 'utf8'));
}

function floatField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = tagOf(field, FIXED_32);
  bytes.writeFloatLE(value, 1);
  return bytes;
}

/** TFRecord framing: length (u64), its masked CRC (u32), the data, its masked CRC (u32), little-endian. */
function recordOf(data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(data.length));
  head.writeUInt32LE(maskedCrc(head.subarray(0, 8)), 8);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(maskedCrc(data));
  return Buffer.concat([head, data, tail]);
}

/** CRC-32C, rotated and shifted as TFRecord does so that a CRC over data with CRCs in it stays strong. */
function maskedCrc(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** CRC-32C (Castagnoli, reflected polynomial 0x82f63b78) of each byte. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});
