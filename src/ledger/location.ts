import { homedir } from 'node:os';
import { join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where this user's ledger and keys lie: DPTUNE_HOME, else the system's place for a program's data. Never a run directory.
 */
export function dataDirectory(env: Environment = process.env, platform: string = process.platform): string {
  const own = env['DPTUNE_HOME'];
  if (own) return own;
  if (platform === 'win32') {
    return join(env['LOCALAPPDATA'] || join(homedir(), 'AppData', 'Local'), 'dptune');
  }
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'dptune');
  return join(env['XDG_DATA_HOME'] || join(homedir(), '.local', 'share'), 'dptune');
}

/** The ledger that is meant: what was given, else DPTUNE_LEDGER, else the user's own SQLite file. */
export function ledgerUrl(given: string | undefined, env: Environment = process.env): string {
  return given ?? (env['DPTUNE_LEDGER'] || join(dataDirectory(env), 'ledger.db'));
}
