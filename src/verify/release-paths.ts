/** Signature over a release; it is the one file that it cannot be over. */
export const ATTESTATION = 'attestation.dsse.json';

/** Documents that lie at the top of `release/`; everything else is in `model/` and `adapter/`. */
export const RELEASE_DOCUMENTS = [
  'plan.json',
  'metrics.json',
  'frozen-weights.json',
  'ledger.json',
  'conformance.json',
  'audit.json',
  'report.json',
  'report.html',
  'README.md',
  'bom.cdx.json',
  'opendp.yaml',
  ATTESTATION,
] as const;

/** Directories of a release. */
export const RELEASE_DIRECTORIES = ['model', 'adapter'] as const;

const LONGEST_PATH = 255;

/**
 * Why a path of an archive or a release must not be used, if it must not. Only paths that mean the same file on every
 * system, below the place where they are unpacked, pass.
 */
export function pathFault(path: string): string | undefined {
  if (path === '') return 'is empty';
  if (Buffer.byteLength(path) > LONGEST_PATH) return `is longer than ${LONGEST_PATH} bytes`;
  if (path.startsWith('/') || /^[a-z]:/i.test(path)) return 'is absolute';
  if (/[\\\p{Cc}\p{Surrogate}]/u.test(path)) return 'holds a backslash or a control character';
  if (path !== path.normalize('NFC')) return 'is not in Unicode normal form C';
  const segments = path.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    return 'has an empty, . or .. segment';
  }
  // Windows drops these at the end of a name, so that two names would be one file.
  return segments.some((segment) => /[. ]$/.test(segment))
    ? 'has a segment that ends in a dot or a space'
    : undefined;
}

/** Paths that some file systems take for the same: those of Windows and macOS ignore case. */
export function foldedPath(path: string): string {
  return path.toLowerCase();
}
