export type Json = Readonly<Record<string, unknown>>;
export type Property = { readonly name: string; readonly value: string };

/** Names by which parts of the document refer to each other. */
export const BOM_REFS = {
  model: 'model',
  trainingData: 'training-data',
  assessor: 'assessor',
  hazard: (id: string) => `hazard-${id}`,
  claim: (id: string) => `claim-${id}`,
  evidence: (name: string) => `evidence-${name}`,
} as const;

/** Named values as texts, as CycloneDX has them; those that are not there are left out. */
export function propertiesFrom(
  prefix: string,
  values: Readonly<Record<string, string | number | undefined>>,
): Property[] {
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name: `${prefix}${name}`, value: String(value) }],
  );
}
