import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A PostgreSQL of its own, in a temporary directory. */
export interface Cluster {
  readonly url: string;
  /** Stops it as a crash would, or cleanly, and starts it again. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** A new empty database. */
  create(name: string): string;
  dispose(): Promise<void>;
}

const debian = '/usr/lib/postgresql';

/** Where PostgreSQL's server programs are; undefined where they are not installed. */
export const binaries: string | undefined = existsSync(debian)
  ? readdirSync(debian)
      .map((version) => join(debian, version, 'bin'))
      .find((path) => existsSync(join(path, 'initdb')))
  : undefined;

/** The databases that can be tested here. */
export const databaseKinds: readonly ('sqlite' | 'postgres')[] = binaries
  ? ['sqlite', 'postgres']
  : ['sqlite'];
if (!binaries) console.warn('no PostgreSQL server programs are installed here: ledgers on it are not tested');

/** PostgreSQL refuses to run as root. */
const owner = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

export async function startCluster(): Promise<Cluster> {
  const directory = mkdtempSync(join(tmpdir(), 'dptune-postgres-'));
  if (owner.uid !== undefined) chownSync(directory, owner.uid, owner.gid);
  const data = join(directory, 'data');
  const run = (program: string, ...args: string[]) =>
    execFileSync(join(binaries!, program), args, { ...owner, stdio: 'pipe', cwd: directory });
  run('initdb', '-D', data, '-U', 'dptune', '--auth=trust', '--no-sync', '--no-locale', '-E', 'UTF8');
  const port = await freePort();
  let server: ChildProcess | undefined;
  const cluster: Cluster = {
    url: `postgres://dptune@127.0.0.1:${port}/postgres`,
    async start() {
      const settings = ['-c', 'fsync=off', '-c', `unix_socket_directories=${directory}`, '-h', '127.0.0.1'];
      server = spawn(join(binaries!, 'postgres'), ['-D', data, '-p', String(port), ...settings], {
        ...owner,
        stdio: 'ignore',
        cwd: directory,
      });
      for (let tries = 0; tries < 200; tries++) {
        try {
          run('pg_isready', '-h', '127.0.0.1', '-p', String(port), '-q');
          return;
        } catch {
          await sleep(50);
        }
      }
      throw new Error('PostgreSQL did not start');
    },
    async stop() {
      const ended = new Promise((resolve) => server!.once('exit', resolve));
      server!.kill('SIGINT');
      await ended;
    },
    create(name) {
      run('createdb', '-h', '127.0.0.1', '-p', String(port), '-U', 'dptune', name);
      return cluster.url.replace(/postgres$/, name);
    },
    async dispose() {
      await cluster.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  await cluster.start();
  return cluster;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
