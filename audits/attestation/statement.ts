import { canonicalJson, type Signer } from '../../privacy/index.ts';
import { DptuneError } from '../../privacy/errors.ts';
import { bodyOf, signEnvelope, type Envelope } from './dsse.ts';

/** One file that a statement is about; it is found by its digest, its name is for people. */
export interface Subject {
  readonly name: string;
  readonly digest: { readonly sha256: string };
}

/** in-toto Statement, version 1 (in-toto/attestation, spec/v1/statement.md). */
export interface Statement<P = unknown> {
  readonly _type: typeof STATEMENT_TYPE;
  readonly subject: readonly Subject[];
  readonly predicateType: string;
  readonly predicate: P;
}

/** What dptune says of the subjects: they came out of this plan, under this guarantee. */
export interface TrainingPredicate {
  readonly tool: { readonly name: 'dptune'; readonly version: string };
  /** Hash of the privacy plan; its text is the subject plan.json. */
  readonly planHash: string;
  /** Null for a run that is not private. */
  readonly guarantee: {
    readonly epsilon: number;
    readonly delta: number;
    readonly unit: string;
    readonly relation: string;
  } | null;
  /** Head of the ledger that the run was charged to, as its signed note; null where nobody counted. */
  readonly checkpoint: string | null;
}

const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
export const TRAINING_PREDICATE = 'urn:dptune:attestation:training:v1';

/** The statement of a training run over the files of its release, signed; subjects are sorted by name. */
export function attestTraining(
  subjects: readonly Subject[],
  predicate: TrainingPredicate,
  signer: Signer,
): Envelope {
  const statement: Statement<TrainingPredicate> = {
    _type: STATEMENT_TYPE,
    subject: [...subjects].sort((a, b) => (a.name < b.name ? -1 : 1)),
    predicateType: TRAINING_PREDICATE,
    predicate,
  };
  return signEnvelope(PAYLOAD_TYPE, canonicalJson(statement), signer);
}

/**
 * The training statement inside an envelope, whose signature is checked elsewhere.
 * @throws DptuneError `verification` where the payload is something else
 */
export function trainingStatementOf(envelope: Envelope): Statement<TrainingPredicate> {
  const statement = parsed(bodyOf(envelope)) as Statement<TrainingPredicate> | null;
  const isTraining =
    envelope.payloadType === PAYLOAD_TYPE &&
    statement?.['_type'] === STATEMENT_TYPE &&
    statement.predicateType === TRAINING_PREDICATE &&
    typeof statement.predicate === 'object' &&
    Array.isArray(statement.subject) &&
    statement.subject.every(isSubject);
  if (isTraining) return statement;
  throw new DptuneError(
    'verification',
    `attestation: holds no in-toto statement of type ${TRAINING_PREDICATE}. Give the attestation of this release.`,
  );
}

function isSubject(value: unknown): value is Subject {
  const { name, digest } = (value ?? {}) as Partial<Subject>;
  return typeof name === 'string' && /^[0-9a-f]{64}$/.test(String(digest?.sha256));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
