import { roundedUp } from '../../privacy/index.ts';
import { isGiven, type Field } from './schema-node.ts';
import type { Report } from './schema.ts';
import { short } from './words.ts';
import { yamlOf } from './yaml.ts';

const notStated = 'Not stated.';

/**
 * An entry for the OpenDP deployments registry, as a draft for its authors to complete: the registry asks for facts that
 * only people know. Its schema knows neither mu nor audits; they stand in the details of the parameters.
 * @returns undefined for a run without a guarantee, which is no deployment of differential privacy
 */
export function renderOpenDp(report: Report): string | undefined {
  const { claim, unit, scope, mechanism, accounting, statements, dataset, meta, audit } = report;
  if (!isGiven(claim)) return undefined;
  const said = (field: Field<string>): string => (isGiven(field) ? field : notStated);
  const curators = isGiven(statements.curators) ? statements.curators : [notStated];
  const mu = isGiven(claim.gaussian)
    ? ` mu = ${roundedUp(claim.gaussian.mu, 5)} (Gaussian differential privacy).`
    : '';
  const audited = isGiven(audit)
    ? ` Audited: ${audit.map(({ method, epsilonLower, verdict }) => `${method}, epsilon at least ${epsilonLower}, ${verdict}`).join('; ')}.`
    : ' Not audited.';
  return yamlOf({
    url_slug: `dptune-${short(mechanism.planHash)}`,
    status: 'Draft',
    tier: 3,
    deployment: {
      basic: {
        name: `Language model, plan ${short(mechanism.planHash)}`,
        data_curators: curators,
        intended_use: said(statements.intendedUse),
        data_product_type: 'Machine learning model',
        data_product_region: notStated,
        description: `Fine-tuned for ${dataset.task} with differential privacy. ${said(statements.dataDescription)}`,
        publication_date: meta.created.slice(0, 10),
      },
      dp_variant: {
        variant_name: 'Approximate DP',
        data_domain: said(statements.dataDescription),
        unprotected_quantities: scope.unprotected
          .map(({ quantity, why }) => `${quantity}: ${why}`)
          .join('; '),
      },
      privacy_loss: {
        privacy_unit: unit.kind === 'user' ? 'User' : 'Record',
        privacy_unit_details: `${unit.definition} ${unit.truncation} Neighbouring data sets: ${unit.relation}.`,
        privacy_parameters: { epsilon: Number(roundedUp(claim.epsilon, 6)), delta: claim.delta },
        privacy_parameters_details: `${claim.statement}${mu}${audited}`,
      },
      deployment_model: {
        model_name: 'Central',
        actors: `Whoever ran the job could read the raw data. Recipients of the model: ${said(statements.recipients)}`,
        release_type: 'One release',
        data_source_type: 'Static',
        access_type: 'Non-interactive',
      },
      accounting: {
        post_processing: 'Every use of the released weights.',
        composition: isGiven(accounting)
          ? `All steps composed by the ${accounting.method}.`
          : 'Not computed.',
      },
      implementation: {
        preprocessing_and_hyperparameter_tuning: scope.tuning,
        mechanisms: `${mechanism.name}. ${mechanism.sampler} ${mechanism.noise} ${mechanism.normalisation} Generator: ${mechanism.randomness.source}. Program: ${meta.versions.map(({ name, version }) => `${name} ${version}`).join(', ')}.`,
        justification:
          report.reasons.length > 0 ? report.reasons.join('; ') : 'The settings were given by hand.',
      },
      administrative: {
        sources: 'report.json of the release.',
        notes: `Made from a report by ${meta.tool}; what it does not know is marked as not stated.`,
        registry_authors: curators,
      },
    },
  });
}
