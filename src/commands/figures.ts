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
