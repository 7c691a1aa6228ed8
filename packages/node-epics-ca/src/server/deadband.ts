/** Whether a value is further from the last one than the dead band, which is none when negative. */
export function exceeds(value: number, last: number, band: number): boolean {
  if (band < 0) return true
  if (Number.isFinite(value) && Number.isFinite(last)) return Math.abs(value - last) > band
  return !Object.is(value, last)
}
