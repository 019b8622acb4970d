import { renderBom } from './attestation/index.ts';
import { renderCard, renderHtml, renderOpenDp, type Report } from './report/index.ts';

/**
 * Everything of a release that is a function of report.json alone, by file name: who writes a release and who checks one
 * call the same.
 */
export async function releaseTexts(report: Report): Promise<Readonly<Record<string, string>>> {
  const registryEntry = renderOpenDp(report);
  return {
    'report.html': await renderHtml(report),
    'README.md': renderCard(report),
    'bom.cdx.json': renderBom(report),
    ...(registryEntry !== undefined && { 'opendp.yaml': registryEntry }),
  };
}
