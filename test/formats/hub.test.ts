import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openModel, resolveModel } from '../../src/formats/index.ts';

const COMMIT = 'c'.repeat(40);
const temporary = () => mkdtempSync(join(tmpdir(), 'dptune-hub-'));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const gitHash = (bytes: Uint8Array) =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

/** A safetensors file of one tensor, large enough to be cut. */
function weights(values = 50_000): Buffer {
  const header = Buffer.from(
    JSON.stringify({ a: { dtype: 'F32', shape: [values], data_offsets: [0, 4 * values] } }),
  );
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(header.length));
  const data = Buffer.from(Float32Array.from({ length: values }, (_, at) => at).buffer);
  return Buffer.concat([prefix, header, data]);
}

interface Behaviour {
  files: Record<string, Buffer>;
  /** Answers instead of the content server; returns whether it did. */
  content?: (path: string, request: IncomingMessage, response: ServerResponse) => boolean;
  /** Token that every route of the hub demands. */
  token?: string;
  /** What the hub says a file hashes to. */
  hashes?: Record<string, string>;
}

interface Hub {
  endpoint: string;
  /** `METHOD path [range]` of each request to the content server. */
  served: string[];
  /** Authorization headers that the content server got. */
  leaked: string[];
}

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The hub's routes for org/name, with a content server of another origin that the files' routes redirect to. */
async function startHub(behaviour: Behaviour): Promise<Hub> {
  const { files, content, token, hashes = {} } = behaviour;
  const served: string[] = [];
  const leaked: string[] = [];
  const contentOrigin = await listen((request, response) => {
    const path = decodeURIComponent(request.url!.slice(1));
    served.push([path, request.headers.range].filter(Boolean).join(' '));
    if (request.headers.authorization) leaked.push(request.headers.authorization);
    if (content?.(path, request, response)) return;
    sendFile(files[path]!, request, response);
  });
  const endpoint = await listen((request, response) => {
    const url = new URL(request.url!, 'http://hub');
    const fail = (status: number) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end('{"error":"no"}');
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) return fail(401);
    const json = (value: unknown) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
    if (/^\/api\/models\/org\/name\/revision\/(main|v1|c{40})$/.test(url.pathname)) {
      return json({ _id: '1', id: 'org/name', sha: COMMIT, lastModified: '2026-01-01' });
    }
    if (url.pathname === `/api/models/org/name/tree/${COMMIT}`) {
      return json(
        Object.entries(files).map(([path, bytes]) => {
          const large = path.endsWith('.safetensors');
          const hash = hashes[path] ?? (large ? sha256(bytes) : gitHash(bytes));
          const base = { type: 'file', path, size: bytes.length, oid: large ? 'b'.repeat(40) : hash };
          return large ? { ...base, lfs: { oid: hash, size: bytes.length, pointerSize: 100 } } : base;
        }),
      );
    }
    const resolve = `/org/name/resolve/${COMMIT}/`;
    const path = url.pathname.slice(resolve.length);
    if (url.pathname.startsWith(resolve) && files[path]) {
      return response.writeHead(302, { location: `${contentOrigin}/${path}` }).end();
    }
    return fail(404);
  });
  return { endpoint, served, leaked };
}

function sendFile(bytes: Buffer, request: IncomingMessage, response: ServerResponse): void {
  const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const headers = { 'content-length': bytes.length - from };
  if (from === 0) response.writeHead(200, headers);
  else
    response.writeHead(206, {
      ...headers,
      'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
    });
  response.end(bytes.subarray(from));
}

const config = Buffer.from('{"model_type":"bert"}');
const plain = () => ({
  'config.json': config,
  'model.safetensors': weights(),
  'README.md': Buffer.from('x'),
  'vocab.txt': Buffer.from('[PAD]\n'),
});
const environmentOf = (hub: Hub, more: Record<string, string> = {}) => ({
  HF_ENDPOINT: hub.endpoint,
  HF_HOME: temporary(),
  ...more,
});

/** The message of what `resolveModel` throws. */
async function failure(hub: Hub, more: Record<string, string> = {}, model = 'org/name'): Promise<string> {
  const environment = environmentOf(hub, more);
  return resolveModel(model, { environment }).then(
    () => 'resolved',
    (error: Error) => error.message,
  );
}

describe('resolveModel', () => {
  it('takes a local directory as it is, relative to the base', async () => {
    const base = temporary();
    mkdirSync(join(base, 'org', 'name'), { recursive: true });
    expect(await resolveModel('org/name', { base, environment: {} })).toEqual({
      path: join(base, 'org/name'),
      hub: undefined,
    });
    await expect(resolveModel('./absent', { base })).rejects.toThrow(/model=\.\/absent: no such directory/);
    await expect(resolveModel('/absent/model', { base })).rejects.toThrow(/no such directory/);
    await expect(resolveModel('a/b/c', { base })).rejects.toThrow(/org\/name\[@revision\]/);
    await expect(resolveModel('a/b@../../x', { base })).rejects.toThrow(/no such directory/);
  });

  it('downloads what a model needs into the standard cache, pinned to a commit', async () => {
    const files = plain();
    const hub = await startHub({ files });
    const environment = environmentOf(hub);
    const { path, hub: pinned } = await resolveModel('org/name@v1', { environment });
    const cache = join(environment.HF_HOME, 'hub', 'models--org--name');
    expect(pinned).toEqual({ repository: 'org/name', commit: COMMIT });
    expect(path).toBe(join(cache, 'snapshots', COMMIT));
    expect(readdirSync(path).sort()).toEqual(['config.json', 'model.safetensors', 'vocab.txt']);
    expect(readlinkSync(join(path, 'model.safetensors'))).toBe(
      `../../blobs/${sha256(files['model.safetensors'])}`,
    );
    expect(readFileSync(join(cache, 'refs', 'v1'), 'utf8')).toBe(COMMIT);
    expect(readdirSync(join(cache, 'blobs')).filter((name) => name.endsWith('.incomplete'))).toEqual([]);
    const model = await openModel(path);
    expect((await model.digests()).find((digest) => digest.path === 'model.safetensors')!.sha256).toBe(
      sha256(files['model.safetensors']),
    );
    await model.close();
  });

  it('downloads nothing twice, and finds a damaged copy', async () => {
    const hub = await startHub({ files: plain() });
    const environment = environmentOf(hub);
    const { path } = await resolveModel('org/name', { environment });
    const count = hub.served.length;
    await resolveModel('org/name', { environment });
    expect(hub.served).toHaveLength(count);
    writeFileSync(join(path, 'config.json'), '{"model_type":"evil"}');
    await expect(resolveModel('org/name', { environment })).rejects.toThrow(
      /config\.json: the cached copy .* is damaged/,
    );
    await expect(
      resolveModel('org/name', { environment: { ...environment, HF_HUB_OFFLINE: '1' } }),
    ).rejects.toThrow(/damaged/);
  });

  it('goes on after a cut, from where it was', async () => {
    const files = plain();
    let cuts = 0;
    const hub = await startHub({
      files,
      content: (path, request, response) => {
        if (path !== 'model.safetensors' || cuts === 2) return false;
        cuts++;
        const bytes = files[path as 'model.safetensors'];
        const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
        response.writeHead(from ? 206 : 200, { 'content-length': bytes.length - from });
        response.write(bytes.subarray(from, from + 60_000), () => setTimeout(() => response.destroy(), 20));
        return true;
      },
    });
    const { path } = await resolveModel('org/name', { environment: environmentOf(hub) });
    expect(readFileSync(join(path, 'model.safetensors')).equals(files['model.safetensors'])).toBe(true);
    const ranges = hub.served.filter((entry) => entry.startsWith('model.safetensors'));
    expect(ranges).toEqual([
      'model.safetensors',
      'model.safetensors bytes=60000-',
      'model.safetensors bytes=120000-',
    ]);
  });

  it('goes on from an earlier run, and starts again where the server knows no ranges', async () => {
    const files = plain();
    const whole = files['model.safetensors'];
    const hub = await startHub({
      files,
      content: (path, _, response) => {
        if (path !== 'model.safetensors') return false;
        response.writeHead(200, { 'content-length': whole.length }).end(whole);
        return true;
      },
    });
    const environment = environmentOf(hub);
    const blobs = join(environment.HF_HOME, 'hub', 'models--org--name', 'blobs');
    mkdirSync(blobs, { recursive: true });
    writeFileSync(join(blobs, `${sha256(whole)}.incomplete`), whole.subarray(0, 1000));
    const { path } = await resolveModel('org/name', { environment });
    expect(hub.served).toContain('model.safetensors bytes=1000-');
    expect(readFileSync(join(path, 'model.safetensors')).equals(whole)).toBe(true);
  });

  it('repairs nothing silently: a spoilt earlier part is found by the hash, and the next run starts afresh', async () => {
    const files = plain();
    const hub = await startHub({ files });
    const environment = environmentOf(hub);
    const blobs = join(environment.HF_HOME, 'hub', 'models--org--name', 'blobs');
    mkdirSync(blobs, { recursive: true });
    const incomplete = join(blobs, `${sha256(files['model.safetensors'])}.incomplete`);
    writeFileSync(incomplete, Buffer.alloc(1000));
    await expect(resolveModel('org/name', { environment })).rejects.toThrow(/does not have the hash/);
    expect(existsSync(incomplete)).toBe(false);
    const { path } = await resolveModel('org/name', { environment });
    expect(readFileSync(join(path, 'model.safetensors')).equals(files['model.safetensors'])).toBe(true);
  });

  it('gives up where the connection keeps failing, and says how far it came', async () => {
    const hub = await startHub({
      files: plain(),
      content: (path, _, response) => {
        if (path !== 'model.safetensors') return false;
        response.destroy();
        return true;
      },
    });
    expect(await failure(hub)).toMatch(
      /model\.safetensors: the download was cut at byte 0 of 2000\d\d .* Run again/,
    );
  });

  it.each([
    ['shorter', (bytes: Buffer) => bytes.subarray(0, -4)],
    ['longer', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(4)])],
  ])('refuses a file that the server announces as %s than the hub lists', async (_, change) => {
    const files = plain();
    const hub = await startHub({
      files,
      content: (path, request, response) => {
        sendFile(
          path === 'model.safetensors' ? change(files[path]) : files[path as 'config.json'],
          request,
          response,
        );
        return true;
      },
    });
    expect(await failure(hub)).toMatch(
      /model\.safetensors: the server announces \d+ bytes, the hub lists \d+/,
    );
  });

  it('refuses a longer file without a length, and content with another hash', async () => {
    const files = plain();
    const longer = await startHub({
      files,
      content: (path, _, response) => {
        if (path !== 'model.safetensors') return false;
        response.write(files[path]);
        response.end('more');
        return true;
      },
    });
    expect(await failure(longer)).toMatch(/more bytes than/);
    const other = await startHub({ files, hashes: { 'config.json': 'a'.repeat(40) } });
    expect(await failure(other)).toMatch(/config\.json: what was downloaded does not have the hash/);
  });

  it('asks for a token where one is needed, and never sends it to the content server', async () => {
    const hub = await startHub({ files: plain(), token: 'a-mirror-token' });
    expect(await failure(hub)).toMatch(/model=org\/name@main: .* answered 401; .* Set HF_TOKEN/);
    expect(await failure(hub, { HF_TOKEN: 'a-mirror-token' })).toBe('resolved');
    expect(hub.served.length).toBeGreaterThan(0);
    expect(hub.leaked).toEqual([]);
    const home = temporary();
    writeFileSync(join(home, 'token'), 'a-mirror-token\n');
    expect(await failure(hub, { HF_HOME: home })).toBe('resolved');
  });

  it('names what is not there', async () => {
    const hub = await startHub({ files: plain() });
    expect(await failure(hub, {}, 'org/other')).toMatch(/model=org\/other@main: .* answered 404/);
    expect(await failure(hub, {}, 'org/name@v9')).toMatch(/model=org\/name@v9: .* answered 404/);
    const closed = { ...hub, endpoint: 'http://127.0.0.1:1' };
    expect(await failure(closed)).toMatch(/cannot be reached .* HF_HUB_OFFLINE=1/);
  });

  it('refuses a repository of pickles before it downloads anything', async () => {
    const hub = await startHub({ files: { 'config.json': config, 'pytorch_model.bin': Buffer.from('x') } });
    expect(await failure(hub)).toMatch(/no model\.safetensors but pytorch_model\.bin, a pickle/);
    expect(hub.served).toEqual([]);
  });

  it('takes shards with their index', async () => {
    const shard = weights(10);
    const index = Buffer.from(JSON.stringify({ weight_map: { a: 'model-00001-of-00001.safetensors' } }));
    const files = {
      'config.json': config,
      'model.safetensors.index.json': index,
      'model-00001-of-00001.safetensors': shard,
      'consolidated.safetensors': shard,
    };
    const hub = await startHub({ files });
    const environment = environmentOf(hub);
    const { path } = await resolveModel('org/name', { environment });
    expect(readdirSync(path).sort()).toEqual([
      'config.json',
      'model-00001-of-00001.safetensors',
      'model.safetensors.index.json',
    ]);
    const model = await openModel(path);
    expect(await model.weights.read('a')).toHaveLength(10);
    await model.close();
    writeFileSync(join(path, 'model-00001-of-00001.safetensors'), weights(11));
    const offline = { ...environment, HF_HUB_OFFLINE: '1' };
    await expect(resolveModel('org/name', { environment: offline })).rejects.toThrow(
      /model-00001.* is damaged/,
    );
  });

  it('offline: uses the cache without a request, and says where it is not', async () => {
    const hub = await startHub({ files: plain() });
    const environment = environmentOf(hub);
    const online = await resolveModel('org/name', { environment });
    const offline = { HF_HOME: environment.HF_HOME, HF_ENDPOINT: 'http://127.0.0.1:1', HF_HUB_OFFLINE: '1' };
    expect(await resolveModel('org/name', { environment: offline })).toEqual(online);
    expect(await resolveModel(`org/name@${COMMIT}`, { environment: offline })).toEqual(online);
    await expect(resolveModel('org/other', { environment: offline })).rejects.toThrow(
      /not in the cache .* HF_HUB_OFFLINE is set/,
    );
  });

  it('reports the bytes as they come', async () => {
    const files = plain();
    const hub = await startHub({ files });
    const sums: Record<string, number> = {};
    await resolveModel('org/name', {
      environment: environmentOf(hub),
      onProgress: ({ file, bytes }) => (sums[file] = (sums[file] ?? 0) + bytes),
    });
    expect(sums).toEqual({
      'config.json': config.length,
      'model.safetensors': files['model.safetensors'].length,
      'vocab.txt': 6,
    });
  });
});
