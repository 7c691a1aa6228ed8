/** Records of the softIoc that the Channel Access benchmark measures on. */

/** Scalars to connect to and to read. */
export const RECORDS = 10_000

export function database(prefix: string): string {
  const records = Array.from(
    { length: RECORDS },
    (_, i) => `record(ao, "${prefix}r${i}") { field(VAL, "${i}") field(PINI, "YES") }`,
  )
  return [
    ...records,
    `record(waveform, "${prefix}array") { field(FTVL, "DOUBLE") field(NELM, "1000000") }`,
    // While `run` is 1 it processes itself through a link that goes by Channel Access: one update after the other.
    `record(bo, "${prefix}run") {}`,
    `record(calc, "${prefix}free") { field(CALC, "VAL+1") field(FLNK, "${prefix}free.PROC CA")`,
    `  field(SDIS, "${prefix}run") field(DISV, "0") field(DISS, "NO_ALARM") }`,
  ].join("\n")
}
