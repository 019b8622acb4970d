import { listFiles, modelInfo, HubApiError } from '@huggingface/hub';
import { DataError } from '../../privacy/errors.ts';

/** A file of a repository at one commit. */
export interface HubFile {
  readonly path: string;
  readonly bytes: number;
  /** What its content hashes to: SHA-256 for large files, git's blob hash (SHA-1) for the others. Also its name in the cache. */
  readonly hash: string;
}

export interface HubSettings {
  readonly endpoint: string;
  readonly token: string | undefined;
}

/** What is asked of a hub. Errors are DataErrors that name the repository. */
export interface HubClient {
  /** The commit that a branch, tag or commit stands for: 40 hexadecimal digits. */
  readonly commit: (repository: string, revision: string) => Promise<string>;
  readonly files: (repository: string, commit: string) => Promise<HubFile[]>;
  /** The response with a file's bytes from a position on, after redirects. */
  readonly content: (repository: string, commit: string, path: string, from: number) => Promise<Response>;
}

const SHA1 = /^[0-9a-f]{40}$/;
const SHA256 = /^[0-9a-f]{64}$/;

export function createHubClient({ endpoint, token }: HubSettings): HubClient {
  const origin = new URL(endpoint).origin;
  // The package sends tokens of one form only; a mirror's may have another. fetch itself drops the header on a redirect
  // to another origin, so that no content server sees the token.
  const withToken: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    const url = input instanceof Request ? input.url : String(input);
    if (token !== undefined && new URL(url).origin === origin)
      headers.set('Authorization', `Bearer ${token}`);
    return fetch(input, { ...init, headers });
  };
  const common = { hubUrl: endpoint.replace(/\/+$/, ''), fetch: withToken };

  return {
    commit: async (repository, revision) => {
      const info = await asDataError(endpoint, `model=${repository}@${revision}`, () =>
        modelInfo({ ...common, name: repository, revision, additionalFields: ['sha'] }),
      );
      if (!SHA1.test(info.sha))
        throw new DataError(`model=${repository}@${revision}: the hub gave no commit (${info.sha}).`);
      return info.sha;
    },
    files: (repository, commit) =>
      asDataError(endpoint, `model=${repository}@${commit}`, async () => {
        const files: HubFile[] = [];
        for await (const { type, path, size, oid, lfs } of listFiles({
          ...common,
          repo: repository,
          revision: commit,
          recursive: true,
        })) {
          if (type !== 'file') continue;
          const hash = lfs?.oid ?? oid ?? '';
          if (!SHA1.test(hash) && !SHA256.test(hash))
            throw new DataError(`model=${repository}: ${path} has no hash on the hub.`);
          files.push({ path, bytes: lfs?.size ?? size, hash });
        }
        return files;
      }),
    content: async (repository, commit, path, from) => {
      const url = `${common.hubUrl}/${repository}/resolve/${commit}/${path}`;
      // Unencoded, so that ranges count the file's own bytes.
      const headers = { 'Accept-Encoding': 'identity', ...(from > 0 ? { Range: `bytes=${from}-` } : {}) };
      const response = await withToken(url, { headers });
      if (!response.ok) {
        await response.body?.cancel();
        throw statusError(`model=${repository}: ${path}`, response.status, endpoint);
      }
      return response;
    },
  };
}

async function asDataError<T>(endpoint: string, label: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    if (cause instanceof HubApiError) throw statusError(label, cause.statusCode, endpoint, cause);
    throw new DataError(
      `${label}: ${endpoint} cannot be reached (${reason(cause)}). With a copy in the cache, set HF_HUB_OFFLINE=1; or name a local directory.`,
      { cause },
    );
  }
}

/** The innermost message: fetch wraps what went wrong. */
export function reason(error: unknown): string {
  const inner = error instanceof Error ? (error.cause ?? error) : error;
  return inner instanceof Error ? inner.message || inner.name : String(inner);
}

function statusError(label: string, status: number, endpoint: string, cause?: unknown): DataError {
  const remedy =
    status === 401 || status === 403
      ? 'it is private, gated or misspelt. Set HF_TOKEN to a token that may read it, and accept its terms on the hub.'
      : status === 404
        ? 'there is no such model, revision or file. Correct the name.'
        : 'try again later, or name a local directory.';
  return new DataError(`${label}: ${endpoint} answered ${status}; ${remedy}`, { cause });
}
