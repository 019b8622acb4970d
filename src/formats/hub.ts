import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, isAbsolute, join, resolve } from 'node:path';
import { DataError } from '../../privacy/errors.ts';
import { writeAtomic } from './atomic-file.ts';
import { createHubClient, type HubClient, type HubFile } from './hub-client.ts';
import { contentHash, download, pointTo } from './hub-download.ts';
import { SIDE_FILES } from './model-directory.ts';

/** A model on this machine, and where it came from. */
export interface ResolvedModel {
  /** Directory with the model's files. */
  readonly path: string;
  /** For models of the hub: what to write into a plan so that another run gets the same files. */
  readonly hub: { readonly repository: string; readonly commit: string } | undefined;
}

export interface ResolveOptions {
  /** Where relative paths begin; default the working directory. */
  readonly base?: string;
  /** Default `process.env`: HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, as Hugging Face's own programs read them. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Called as files arrive. */
  readonly onProgress?: (progress: {
    readonly file: string;
    readonly bytes: number;
    readonly total: number;
  }) => void;
}

const REFERENCE = /^(?<repository>[\w][\w.-]*(?:\/[\w][\w.-]*)?)(?:@(?<revision>[\w][\w./-]*))?$/;
const WEIGHTS = /^model-\d+-of-\d+\.safetensors$/;

/**
 * A local directory as it is, or `org/name[@revision]` from the hub: downloaded into the standard cache, at one commit, every
 * file checked against the hub's hash whenever it is used.
 * @param model - a directory wins over a model of the hub with the same name
 * @throws DataError naming the model, and the remedy
 */
export async function resolveModel(model: string, options: ResolveOptions = {}): Promise<ResolvedModel> {
  const { base = process.cwd(), environment = process.env, onProgress } = options;
  const path = resolve(base, model);
  if (existsSync(path) && statSync(path).isDirectory()) return { path, hub: undefined };
  const { repository, revision = 'main' } = REFERENCE.exec(model)?.groups ?? {};
  if (repository === undefined || isAbsolute(model) || revision.includes('..')) {
    throw new DataError(`model=${model}: no such directory, and no name of the form org/name[@revision].`);
  }
  const cache = join(cacheDirectory(environment), `models--${repository.replace('/', '--')}`);
  if (isOn(environment['HF_HUB_OFFLINE'])) return fromCache(cache, repository, revision);
  const client = createHubClient({
    endpoint: environment['HF_ENDPOINT'] ?? 'https://huggingface.co',
    token: await tokenOf(environment),
  });
  return fromHub(client, cache, repository, revision, onProgress);
}

async function fromHub(
  client: HubClient,
  cache: string,
  repository: string,
  revision: string,
  onProgress: ResolveOptions['onProgress'],
): Promise<ResolvedModel> {
  const commit = await client.commit(repository, revision);
  const files = wanted(await client.files(repository, commit), repository);
  const snapshot = join(cache, 'snapshots', commit);
  await mkdir(join(cache, 'blobs'), { recursive: true });
  for (const file of files) {
    const blob = join(cache, 'blobs', file.hash);
    const label = `model=${repository}: ${file.path}`;
    if (!existsSync(blob)) {
      const content = (from: number) => client.content(repository, commit, file.path, from);
      const report =
        onProgress && ((bytes: number) => onProgress({ file: file.path, bytes, total: file.bytes }));
      await download({ file, blob, label, content, onProgress: report });
    } else await verify(blob, file.hash, label);
    const pointer = join(snapshot, file.path);
    if (!existsSync(pointer)) await pointTo(pointer, blob);
  }
  if (revision !== commit) {
    const ref = join(cache, 'refs', revision);
    await mkdir(join(ref, '..'), { recursive: true });
    await writeAtomic(ref, [commit]);
  }
  return { path: snapshot, hub: { repository, commit } };
}

/** The files of a repository that `openModel` and `loadTokenizer` may read. */
function wanted(files: readonly HubFile[], repository: string): HubFile[] {
  const names = new Set(files.map(({ path }) => path));
  const single = names.has('model.safetensors');
  if (!single && !names.has('model.safetensors.index.json')) {
    const pickle = [...names].find((name) => name.endsWith('.bin'));
    throw new DataError(
      `model=${repository}: it has no model.safetensors${pickle === undefined ? '' : ` but ${pickle}, a pickle, which runs code when it is opened`}. ` +
        'Choose a revision or model in safetensors, or convert it where you trust it and name the directory.',
    );
  }
  const side: readonly string[] = SIDE_FILES;
  return files.filter(
    ({ path }) =>
      side.includes(path) ||
      (single ? path === 'model.safetensors' : path === 'model.safetensors.index.json' || WEIGHTS.test(path)),
  );
}

/** A snapshot of the cache, without the network: every file is checked against the hash that its blob is named by. */
async function fromCache(cache: string, repository: string, revision: string): Promise<ResolvedModel> {
  const ref = join(cache, 'refs', revision);
  const commit = existsSync(ref) ? (await readFile(ref, 'utf8')).trim() : revision;
  const snapshot = join(cache, 'snapshots', commit);
  if (!/^[0-9a-f]{40}$/.test(commit) || !existsSync(join(snapshot, 'config.json'))) {
    throw new DataError(
      `model=${repository}@${revision}: not in the cache (${cache}), and HF_HUB_OFFLINE is set. Unset it once, or name a local directory.`,
    );
  }
  const shards = (await readdir(snapshot)).filter((name) => WEIGHTS.test(name));
  for (const name of [...SIDE_FILES, 'model.safetensors', 'model.safetensors.index.json', ...shards]) {
    const pointer = join(snapshot, name);
    if (!existsSync(pointer)) continue;
    // A copy instead of a link has no recorded hash; the plan's own digests still pin it.
    const hash = basename(await readlink(pointer).catch(() => ''));
    if (/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(hash))
      await verify(pointer, hash, `model=${repository}: ${name}`);
  }
  return { path: snapshot, hub: { repository, commit } };
}

async function verify(path: string, hash: string, label: string): Promise<void> {
  if ((await contentHash(path, hash)) !== hash) {
    throw new DataError(
      `${label}: the cached copy ${path} is damaged (its hash is not ${hash}). Delete it and run again.`,
    );
  }
}

function cacheDirectory(environment: NonNullable<ResolveOptions['environment']>): string {
  const home =
    environment['HF_HOME'] ?? join(environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'huggingface');
  return environment['HF_HUB_CACHE'] ?? environment['HUGGINGFACE_HUB_CACHE'] ?? join(home, 'hub');
}

/** HF_TOKEN, or what `hf auth login` left. */
async function tokenOf(environment: NonNullable<ResolveOptions['environment']>): Promise<string | undefined> {
  if (environment['HF_TOKEN']) return environment['HF_TOKEN'].trim();
  const path =
    environment['HF_TOKEN_PATH'] ??
    join(
      cacheDirectory({ ...environment, HF_HUB_CACHE: undefined, HUGGINGFACE_HUB_CACHE: undefined }),
      '..',
      'token',
    );
  return existsSync(path) ? (await readFile(path, 'utf8')).trim() || undefined : undefined;
}

function isOn(value: string | undefined): boolean {
  return ['1', 'ON', 'YES', 'TRUE'].includes((value ?? '').toUpperCase());
}
