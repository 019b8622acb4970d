import { canonicalHash } from '../../privacy/index.ts';
import { isGiven } from '../report/schema-node.ts';
import type { Report } from '../report/schema.ts';
import { declarationsOf, hazardStandard } from './bom-declarations.ts';
import { modelCardOf } from './bom-model-card.ts';
import { BOM_REFS, propertiesFrom, type Json, type Property } from './bom-parts.ts';

/**
 * The report as a bill of materials for machine learning: CycloneDX 1.7 (ECMA-424) with the model card, its files and
 * their digests, what was known of data and base model, and `declarations`: every hazard of NIST SP 800-226 as a
 * requirement, and what this run claims of it, with its evidence.
 * @returns bom.cdx.json, a function of the report alone
 */
export function renderBom(report: Report): string {
  const bom = {
    $schema: 'http://cyclonedx.org/schema/bom-1.7.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.7',
    serialNumber: serialNumberOf(report),
    version: 1,
    metadata: {
      timestamp: report.meta.created,
      lifecycles: [{ phase: 'post-build' }],
      tools: {
        components: report.meta.versions
          .filter(({ name }) => name === report.meta.tool)
          .map(({ name, version }) => ({ type: 'application', name, version })),
      },
      component: modelOf(report),
    },
    components: [...partsOf(report), trainingDataOf(report)],
    dependencies: [{ ref: BOM_REFS.model, dependsOn: [BOM_REFS.trainingData] }],
    definitions: { standards: [hazardStandard(report)] },
    declarations: declarationsOf(report),
  };
  return `${JSON.stringify(bom, null, 2)}\n`;
}

/** The same report gives the same number: the digest's digits as a UUID of version 8 (RFC 9562). */
function serialNumberOf(report: Report): string {
  const hex = canonicalHash(report);
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function modelOf(report: Report): Json {
  const { baseModel, statements, artifacts, status } = report;
  return {
    type: 'machine-learning-model',
    'bom-ref': BOM_REFS.model,
    name: `fine-tuned-${baseModel.reference.split('/').at(-1)!}`,
    description: isGiven(report.claim) ? report.claim.statement : `${status.stamp}: ${status.reason}`,
    ...(isGiven(statements.license) && { licenses: [{ license: { name: statements.license } }] }),
    pedigree: {
      ancestors: [
        {
          type: 'machine-learning-model',
          name: baseModel.reference,
          description: baseModel.pretraining,
          components: baseModel.files.map(fileOf),
        },
      ],
      notes: report.mechanism.name,
    },
    components: artifacts.map(fileOf),
    modelCard: modelCardOf(report),
    properties: privacyProperties(report),
  };
}

function fileOf({ path, bytes, sha256 }: Report['artifacts'][number]): Json {
  return {
    type: 'file',
    name: path,
    hashes: [{ alg: 'SHA-256', content: sha256 }],
    properties: [{ name: 'dp:bytes', value: String(bytes) }],
  };
}

/** Programs that the result rests on, the tool itself aside. */
function partsOf({ meta }: Report): Json[] {
  return meta.versions
    .filter(({ name }) => name !== meta.tool)
    .map(({ name, version }) => ({ type: 'library', name, version }));
}

function trainingDataOf({ dataset, statements, unit }: Report): Json {
  const { curators, sensitiveCategories, dataDescription } = statements;
  const curatedBy = isGiven(curators) ? curators : [];
  return {
    type: 'data',
    'bom-ref': BOM_REFS.trainingData,
    name: 'training data',
    description: isGiven(dataDescription) ? dataDescription : dataDescription.reason,
    data: [
      {
        type: 'dataset',
        name: 'training data',
        description: `${dataset.publicSize} units (${dataset.sizeSource}); ${unit.definition}`,
        classification: 'private',
        ...(isGiven(sensitiveCategories) && { sensitiveData: sensitiveCategories }),
        ...(curatedBy.length > 0 && {
          governance: { custodians: curatedBy.map((name) => ({ organization: { name } })) },
        }),
      },
    ],
  };
}

/** CycloneDX has no fields for differential privacy. */
function privacyProperties({ status, claim, unit, mechanism, accounting }: Report): Property[] {
  const given = isGiven(claim) ? claim : undefined;
  return [
    ...propertiesFrom('dp:', {
      status: status.stamp,
      epsilon: given?.epsilon,
      delta: given?.delta,
      mu: given && isGiven(given.gaussian) ? given.gaussian.mu : undefined,
      relation: given?.relation,
      unit: unit.kind,
      maxRecords: isGiven(unit.maxRecords) ? unit.maxRecords : undefined,
      planHash: mechanism.planHash,
      accountant: isGiven(accounting) ? `${accounting.method} ${accounting.version}` : undefined,
      randomness: mechanism.randomness.source,
    }),
    ...mechanism.phases.flatMap((phase) =>
      propertiesFrom(`dp:phase:${phase.name}:`, {
        samplingRate: phase.samplingRate,
        bands: phase.bands > 1 ? phase.bands : undefined,
        steps: phase.steps,
        expectedBatch: phase.expectedBatch,
        clipping: phase.clippingKind,
        clippingNorm: phase.clippingNorm,
        noiseMultiplier: isGiven(phase.noiseMultiplier) ? phase.noiseMultiplier : undefined,
      }),
    ),
  ];
}
