import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { assert, integer, nat, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  chainFaults,
  emptyHash,
  emptyRoot,
  entryFault,
  extendFrontier,
  frontierRoot,
  leafHash,
  merkleTree,
  openCheckpoint,
  openNote,
  parseVerifierKey,
  sealEntry,
  signApproval,
  signCheckpoint,
  signerOf,
  signNote,
  validApprovals,
  verifierKey,
  verifyApproval,
  verifyConsistency,
  verifyInclusion,
  type Frontier,
  type LogEntry,
} from '../../privacy/index.ts';

interface Golden {
  readonly roots: readonly string[];
  readonly inclusion: readonly { size: number; index: number; path: readonly string[] }[];
}
const golden = JSON.parse(
  readFileSync(new URL('../golden/ledger/merkle.json', import.meta.url), 'utf8'),
) as Golden;

/** Leaves of the test vectors of Google's certificate-transparency (merkletree/merkle_tree_test.cc). */
const ctLeaves = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const ctRoots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

const leavesOf = (count: number) => Array.from({ length: count }, (_, i) => leafHash(`entry ${i}`));

describe('G34 Merkle tree', () => {
  test('has the roots of the certificate-transparency reference', () => {
    const tree = merkleTree(ctLeaves.map((hex) => leafHash(Buffer.from(hex, 'hex'))));
    expect(ctLeaves.map((_, i) => tree.root(i + 1))).toEqual(ctRoots);
    expect(tree.root(0)).toBe(emptyRoot);
    expect(emptyRoot).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  test('has the consistency proofs of the certificate-transparency reference', () => {
    const tree = merkleTree(ctLeaves.map((hex) => leafHash(Buffer.from(hex, 'hex'))));
    expect(tree.consistencyProof(1, 8)).toEqual([
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ]);
    expect(tree.consistencyProof(6, 8)).toEqual([
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
    expect(tree.consistencyProof(2, 5)).toEqual([
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ]);
  });

  test('has the roots and inclusion proofs of an independent implementation', () => {
    const tree = merkleTree(leavesOf(golden.roots.length));
    expect(golden.roots.map((_, i) => tree.root(i + 1))).toEqual(golden.roots);
    expect(golden.inclusion.length).toBeGreaterThan(50);
    for (const { size, index, path } of golden.inclusion)
      expect(tree.inclusionProof(index, size)).toEqual(path);
  });

  test('every inclusion proof up to 40 leaves verifies, and for nothing else', () => {
    const tree = merkleTree(leavesOf(40));
    for (let size = 1; size <= 40; size++) {
      const root = tree.root(size);
      for (let index = 0; index < size; index++) {
        const proof = tree.inclusionProof(index, size);
        const claim = { leaf: leafHash(`entry ${index}`), index, size, root };
        expect(verifyInclusion(claim, proof)).toBe(true);
        expect(verifyInclusion({ ...claim, leaf: leafHash('other') }, proof)).toBe(false);
        expect(verifyInclusion({ ...claim, index: (index + 1) % size }, proof)).toBe(size === 1);
        expect(verifyInclusion(claim, [...proof, emptyRoot])).toBe(false);
        expect(verifyInclusion(claim, proof.slice(1))).toBe(proof.length === 0);
      }
    }
  });

  test('every consistency proof up to 40 leaves verifies, and for no other tree', () => {
    const tree = merkleTree(leavesOf(40));
    const other = merkleTree([leafHash('edited'), ...leavesOf(40).slice(1)]);
    for (let size = 0; size <= 40; size++) {
      for (let from = 0; from <= size; from++) {
        const proof = tree.consistencyProof(from, size);
        const before = { size: from, root: tree.root(from) };
        const after = { size, root: tree.root(size) };
        expect(verifyConsistency(before, after, proof)).toBe(true);
        const edited = { size: from, root: other.root(from) };
        expect(verifyConsistency(edited, after, proof)).toBe(from === 0);
        expect(verifyConsistency(before, { size, root: other.root(size) }, proof)).toBe(from === 0);
        expect(verifyConsistency(before, after, [...proof, emptyRoot])).toBe(false);
        expect(verifyConsistency(before, after, proof.slice(0, -1))).toBe(proof.length === 0);
      }
    }
  });

  test('grows from its frontier alone', () => {
    const tree = merkleTree(leavesOf(300));
    let frontier: Frontier = [];
    leavesOf(300).forEach((leaf, size) => {
      expect(frontierRoot(frontier)).toBe(tree.root(size));
      frontier = extendFrontier(frontier, size, leaf);
    });
    expect(frontier).toHaveLength(4);
  });

  test('refuses positions outside it and leaves that are no hashes', () => {
    const tree = merkleTree(leavesOf(3));
    expect(() => tree.root(4)).toThrow('size=4: must be a whole number from 0 to 3');
    expect(() => tree.inclusionProof(3)).toThrow('index=3');
    expect(() => tree.consistencyProof(2, 1)).toThrow('from=2');
    expect(() => tree.append('ABC')).toThrow('lower-case hex');
    expect(verifyInclusion({ leaf: 'x', index: 0, size: 1, root: 'x' }, [])).toBe(false);
    expect(verifyInclusion({ leaf: leafHash('a'), index: -1, size: 1, root: leafHash('a') }, [])).toBe(false);
  });
});

/** The example of golang.org/x/mod/sumdb/note, v0.39.0. */
const neumann = {
  verifier: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  secret: 'AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz',
  text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
  signature:
    '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
};

describe('signed notes', () => {
  test('are those of Go', () => {
    const seed = Buffer.from(neumann.secret, 'base64').subarray(1);
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
    const signer = signerOf('PeterNeumann', createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
    expect(signer.verifier.text).toBe(neumann.verifier);
    const note = `${neumann.text}\n${neumann.signature}`;
    expect(signNote(neumann.text, [signer])).toBe(note);
    expect(openNote(note, [parseVerifierKey(neumann.verifier)])?.text).toBe(neumann.text);
  });

  const [a, b] = ['a.example/log', 'b.example/witness'].map((name) =>
    signerOf(name, generateKeyPairSync('ed25519').privateKey),
  ) as [ReturnType<typeof signerOf>, ReturnType<typeof signerOf>];

  test('signed by several open for those who know one', () => {
    const note = signNote('text\n', [a, b]);
    expect(openNote(note, [b.verifier])?.signedBy).toEqual([b.verifier]);
    expect(openNote(note, [a.verifier, b.verifier])?.signedBy).toHaveLength(2);
    expect(openNote(note, [])).toBeUndefined();
  });

  test('with any one character changed do not open', () => {
    const note = signNote('text\n', [a]);
    for (let i = 0; i < note.length; i++) {
      const changed = note.slice(0, i) + (note[i] === 'x' ? 'y' : 'x') + note.slice(i + 1);
      expect(openNote(changed, [a.verifier])).toBeUndefined();
    }
  });

  test('an invalid signature of a known key voids the note', () => {
    const good = signNote('text\n', [a, b]);
    const bad = signNote('other\n', [b]).split('\n\n')[1]!;
    const mixed = good.replace(good.split('\n').at(-2)!, bad.trimEnd());
    expect(openNote(mixed, [a.verifier])?.text).toBe('text\n');
    expect(openNote(mixed, [a.verifier, b.verifier])).toBeUndefined();
  });

  test('names, texts and keys that the format cannot carry are refused', () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    for (const name of ['', 'a b', 'a+b', 'a\n'])
      expect(() => verifierKey(name, publicKey)).toThrow(/^key name=/);
    expect(() => verifierKey('a', generateKeyPairSync('x25519').publicKey)).toThrow('must be ed25519');
    expect(() => signNote('no line feed', [a])).toThrow('Add a line feed');
    expect(() => parseVerifierKey(neumann.verifier.replace('c74f', 'c74e'))).toThrow('hash does not fit');
    expect(() => parseVerifierKey('nonsense')).toThrow('Copy it whole');
  });

  test('a checkpoint says what was signed', () => {
    const checkpoint = { origin: 'a.example/log', size: 12345678, root: leafHash('x') };
    const note = signCheckpoint(checkpoint, [a]);
    expect(note.split('\n').slice(0, 2)).toEqual(['a.example/log', '12345678']);
    expect(openCheckpoint(note, [a.verifier])).toEqual({ ...checkpoint, signedBy: [a.verifier] });
    expect(openCheckpoint(note, [b.verifier])).toBeUndefined();
    for (const text of ['o\n01\nAAAA\n', 'o\n1\n', 'o\n-1\nAA==\n', `o\n1\n${'A'.repeat(43)}=\n\n`])
      expect(openCheckpoint(signNote(text, [a]), [a.verifier])).toBeUndefined();
    const extended = signNote(`o\n1\n${'A'.repeat(43)}=\nextension\n`, [a]);
    expect(openCheckpoint(extended, [a.verifier])).toMatchObject({ size: 1 });
  });
});

function logOf(count: number): LogEntry[] {
  const entries: LogEntry[] = [];
  for (let seq = 0; seq < count; seq++) {
    entries.push(
      sealEntry({
        seq,
        prevHash: entries.at(-1)?.hash ?? emptyHash,
        time: '2026-11-24T12:00:00.000Z',
        actor: 'ann',
        host: 'host',
        tool: 'dptune 0.1.0',
        type: 'charge',
        scope: 'people',
        payload: { steps: seq },
      }),
    );
  }
  return entries;
}

describe('G34 chain of entries', () => {
  test('a sound log has no faults', () => {
    expect(chainFaults(logOf(20))).toEqual([]);
    expect(chainFaults([])).toEqual([]);
  });

  test('an edit, a removal, a swap, an insertion and an added field are found, wherever they are', () => {
    assert(
      property(integer({ min: 2, max: 12 }), nat(), nat(4), (size, place, kind) => {
        const log = logOf(size);
        const at = place % (size - 1);
        if (kind === 0) log[at] = { ...log[at]!, payload: { steps: at + 1 } };
        if (kind === 1) log.splice(at, 1);
        if (kind === 2) [log[at], log[at + 1]] = [log[at + 1]!, log[at]!];
        if (kind === 3) log.splice(at, 0, log[at]!);
        if (kind === 4) log[at] = { ...log[at]!, extra: 1 } as LogEntry;
        expect(chainFaults(log)).not.toEqual([]);
      }),
      { seed: 1 },
    );
  });

  test('an entry with another hash, or content that JSON cannot carry, is named', () => {
    const [entry] = logOf(1) as [LogEntry];
    expect(entryFault({ ...entry, hash: emptyHash })).toMatch(
      /^entry 0: its content has hash [0-9a-f]{64}, not 0{64}$/,
    );
    expect(entryFault({ ...entry, payload: { x: NaN } })).toContain('NaN');
  });
});

describe('approvals', () => {
  const ann = signerOf('ann', generateKeyPairSync('ed25519').privateKey);
  const time = '2026-11-24T12:00:00.000Z';
  const plan = leafHash('plan');
  const approval = signApproval(plan, time, ann);

  test('count once, for the plan and by a trusted key', () => {
    const trusted = [ann.verifier.text];
    expect(verifyApproval(approval)).toBe(true);
    expect(validApprovals(plan, [approval, signApproval(plan, time, ann)], trusted)).toEqual([approval]);
    expect(validApprovals(leafHash('other'), [approval], trusted)).toEqual([]);
    expect(validApprovals(plan, [approval], [])).toEqual([]);
  });

  test('one key under two names is one person', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const [one, two] = [signerOf('one', privateKey), signerOf('two', privateKey)];
    const both = [one, two].map((signer) => signApproval(plan, time, signer));
    expect(validApprovals(plan, both, [one.verifier.text, two.verifier.text])).toHaveLength(1);
  });

  test.each([
    ['planHash', leafHash('other')],
    ['keyName', 'bob'],
    ['time', '2026-11-25T12:00:00.000Z'],
    ['signature', Buffer.alloc(64).toString('base64')],
    ['publicKey', neumann.verifier],
    ['publicKey', 'nonsense'],
  ])('with another %s do not verify', (field, value) => {
    expect(verifyApproval({ ...approval, [field]: value })).toBe(false);
  });
});
