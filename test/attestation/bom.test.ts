import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv, type ValidateFunction } from 'ajv';
import { beforeAll, describe, expect, test } from 'vitest';
import { isGiven, renderBom, type Report } from '../../audits/index.ts';
import { madeUpReport } from './report.ts';

type Json = Record<string, unknown>;
/** The parts of a bill of materials that are looked into. */
interface Bom extends Json {
  readonly metadata: {
    readonly component: {
      readonly properties: readonly { readonly name: string; readonly value: string }[];
      readonly components: readonly {
        readonly name: string;
        readonly hashes: readonly { readonly content: string }[];
      }[];
    };
  };
  readonly definitions: { readonly standards: readonly { readonly requirements: readonly Json[] }[] };
  readonly declarations: {
    readonly claims: readonly Json[];
    readonly attestations: readonly {
      readonly map: readonly {
        readonly requirement: string;
        readonly claims?: string[];
        readonly counterClaims?: string[];
      }[];
    }[];
  };
}

/** The schema of OWASP CycloneDX 1.7 as @cyclonedx/cyclonedx-library carries it, with the schemas that it refers to. */
let validate: ValidateFunction;
let report: Report;
let bom: Bom;

beforeAll(() => {
  const manifest = createRequire(import.meta.url).resolve('@cyclonedx/cyclonedx-library/package.json');
  const load = (name: string): Json =>
    JSON.parse(
      readFileSync(new URL(`res/schema/${name}.SNAPSHOT.schema.json`, `file://${manifest}`), 'utf8'),
    ) as Json;
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  for (const name of ['spdx', 'jsf-0.82', 'cryptography-defs'])
    ajv.addSchema(load(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
  validate = ajv.compile(load('bom-1.7'));
  report = madeUpReport();
  bom = JSON.parse(renderBom(report)) as Bom;
});

function faultsOf(document: unknown): string[] {
  return validate(document)
    ? []
    : validate.errors!.map(({ instancePath, message }) => `${instancePath} ${message}`);
}

function serialNumberOf(of: Report): unknown {
  return (JSON.parse(renderBom(of)) as Bom)['serialNumber'];
}

describe('the bill of materials', () => {
  test('fits the official schema of CycloneDX 1.7', () => {
    expect(faultsOf(bom)).toEqual([]);
    expect(faultsOf({ ...bom, declarations: { claims: [{ 'no-such-field': 1 }] } })).not.toEqual([]);
    expect(faultsOf({ ...bom, specVersion: 1.7 })).not.toEqual([]);
  });

  test('fits it for a run that is not private, and with approvals', () => {
    const approvals = [
      { name: 'officer', publicKey: 'k', planHash: 'h', signature: 's', time: '2026-11-24T10:00:00Z' },
    ];
    const others = [madeUpReport({ job: { ...report.job, nonPrivate: true } }), madeUpReport({ approvals })];
    for (const other of others) expect(faultsOf(JSON.parse(renderBom(other)))).toEqual([]);
    expect(renderBom(others[0]!)).toContain('NOT PRIVATE');
    expect(renderBom(others[1]!)).toContain('"name": "officer"');
  });

  test('has every hazard as a requirement, and each relevant one attested by a claim with evidence', () => {
    const { definitions, declarations } = bom;
    const requirements = definitions.standards[0]!.requirements.map(
      (requirement) => requirement['identifier'],
    );
    expect(requirements).toEqual(report.hazards.map(({ id }) => id));
    const relevant = report.hazards.filter(({ status }) => status !== 'not applicable');
    const claims = new Map(declarations.claims.map((claim) => [claim['bom-ref'], claim]));
    expect(claims.size).toBe(relevant.length);
    expect(declarations.attestations[0]!.map).toHaveLength(relevant.length);
    for (const hazard of relevant) {
      const entry = declarations.attestations[0]!.map.find(
        ({ requirement }) => requirement === `hazard-${hazard.id}`,
      )!;
      const [claim] = entry[hazard.status === 'open' ? 'counterClaims' : 'claims']!;
      expect(claims.get(claim)!['reasoning']).toBe(hazard.evidence);
    }
  });

  test('refers only to parts that it has, each once', () => {
    const refs: string[] = [];
    const used: string[] = [];
    const walk = (value: unknown, key: string): void => {
      if (typeof value === 'string') {
        if (key === 'bom-ref') refs.push(value);
        if (['target', 'requirement', 'assessor', 'ref'].includes(key)) used.push(value);
      } else if (Array.isArray(value)) {
        for (const item of value) {
          if (typeof item === 'string' && ['claims', 'counterClaims', 'evidence', 'dependsOn'].includes(key))
            used.push(item);
          walk(item, key);
        }
      } else if (typeof value === 'object' && value !== null) {
        for (const [name, inner] of Object.entries(value)) walk(inner, name);
      }
    };
    walk(bom, '');
    expect(new Set(refs).size).toBe(refs.length);
    expect(used.filter((ref) => !refs.includes(ref))).toEqual([]);
    expect(used).toContain('training-data');
  });

  test('carries the privacy figures and the digest of every file', () => {
    const { component } = bom.metadata;
    const properties = Object.fromEntries(component.properties.map(({ name, value }) => [name, value]));
    expect(properties).toMatchObject({
      'dp:epsilon': String(isGiven(report.claim) && report.claim.epsilon),
      'dp:delta': '0.00001',
    });
    expect(properties['dp:phase:head:noiseMultiplier']).toBe('1.1');
    expect(component.components.map(({ name, hashes }) => [name, hashes[0]!.content])).toEqual(
      report.artifacts.map(({ path, sha256 }) => [path, sha256]),
    );
  });

  test('is a function of the report alone, and differs when any word of it does', () => {
    expect(renderBom(structuredClone(report))).toBe(renderBom(report));
    expect(serialNumberOf({ ...report, limits: [...report.limits, 'x'] })).not.toBe(serialNumberOf(report));
  });
});
