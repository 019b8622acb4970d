import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';

/** Who writes into a ledger. */
export interface Identity {
  readonly actor: string;
  readonly host: string;
  readonly tool: string;
}

/** The user and the machine, as the operating system knows them, and this program's version. */
export function identityOf(tool = `dptune ${version()}`): Identity {
  return { actor: userName(), host: hostname(), tool };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** The package's version; the compiled file lies one folder deeper than its source. */
function version(): string {
  const up = import.meta.url.endsWith('.ts') ? '../../package.json' : '../../../package.json';
  return (JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { version: string }).version;
}
