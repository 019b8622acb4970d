/**
 * A bound from above, such as an epsilon, in so many significant digits: the digits never say less than the value.
 * @param value - at least 0
 */
export function roundedUp(value: number, digits: number): string {
  const nearest = Number(value.toPrecision(digits));
  if (nearest >= value || !Number.isFinite(value)) return String(nearest);
  const lastDigit = 10 ** (Math.floor(Math.log10(nearest)) - digits + 1);
  return String(Number((nearest + lastDigit).toPrecision(digits)));
}
