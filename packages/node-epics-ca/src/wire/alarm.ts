/** Alarm severities by number. */
export const ALARM_SEVERITIES = ["NO_ALARM", "MINOR", "MAJOR", "INVALID"] as const

/** Alarm conditions ("status") by number. */
export const ALARM_CONDITIONS = [
  "NO_ALARM",
  "READ",
  "WRITE",
  "HIHI",
  "HIGH",
  "LOLO",
  "LOW",
  "STATE",
  "COS",
  "COMM",
  "TIMEOUT",
  "HWLIMIT",
  "CALC",
  "SCAN",
  "LINK",
  "SOFT",
  "BAD_SUB",
  "UDF",
  "DISABLE",
  "SIMM",
  "READ_ACCESS",
  "WRITE_ACCESS",
] as const

/** Text of an alarm severity; unknown numbers are shown as such. */
export const severityText = (severity: number): string => ALARM_SEVERITIES[severity] ?? `severity ${severity}`

/** Text of an alarm condition; unknown numbers are shown as such. */
export const conditionText = (status: number): string => ALARM_CONDITIONS[status] ?? `status ${status}`
