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

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

/** `45s`, `3m 05s`, `2h 07m`, `3d 04h`. */
export function duration(seconds: number): string {
  const total = Math.round(seconds);
  const [days, hours, minutes] = [
    Math.floor(total / 86_400),
    Math.floor(total / 3600) % 24,
    Math.floor(total / 60) % 60,
  ];
  if (days > 0) return `${days}d ${pad(hours)}h`;
  if (hours > 0) return `${hours}h ${pad(minutes)}m`;
  return minutes > 0 ? `${minutes}m ${pad(total % 60)}s` : `${total}s`;
}
