import { type Members, type ScalarName, scalar, scalarArray, structure, t } from "../values/field-type.ts"
import { alarmType, controlType, displayType, enumType, timeType, valueAlarmType } from "./common.ts"

export interface NtOptions {
  /** Description, units, limits and precision. Default false. */
  readonly display?: boolean
  readonly control?: boolean
  readonly valueAlarm?: boolean
}

const common = { alarm: alarmType, timeStamp: timeType } as const

/** The members a normative value may have; those that were not asked for read as undefined. */
function extras(options: NtOptions): Members {
  return {
    ...(options.display === true ? { display: displayType } : {}),
    ...(options.control === true ? { control: controlType } : {}),
    ...(options.valueAlarm === true ? { valueAlarm: valueAlarmType } : {}),
  }
}

/** The type NTScalar: `value`, `alarm`, `timeStamp`, and what the options add. */
export function ntScalar<N extends ScalarName>(of: N, options: NtOptions = {}) {
  const members = { value: scalar(of), ...common }
  return structure("epics:nt/NTScalar:1.0", { ...members, ...extras(options) } as typeof members)
}

/** The type NTScalarArray. */
export function ntScalarArray<N extends ScalarName>(of: N, options: NtOptions = {}) {
  const members = { value: scalarArray(of), ...common }
  return structure("epics:nt/NTScalarArray:1.0", { ...members, ...extras(options) } as typeof members)
}

/** The type NTEnum: an index into a list of choices. */
export const ntEnum = () => structure("epics:nt/NTEnum:1.0", { value: enumType, ...common })

/** The type NTNameValue: names with one value each. */
export const ntNameValue = <N extends ScalarName>(of: N) =>
  structure("epics:nt/NTNameValue:1.0", { name: t.strings, value: scalarArray(of), ...common })
