/** Files of release/ that are made from report.json or vouch for it, and are therefore not among its artifacts. */
export const renderings: readonly string[] = [
  'report.json',
  'report.html',
  'README.md',
  'bom.cdx.json',
  'opendp.yaml',
  'attestation.dsse.json',
];
