/** The structures in which QSRV2 presents the fields of a record, member by member. */
import { alarmType, enumType, type ScalarName, scalar, scalarArray, structure, t, timeType } from "pvxs-node"

/** What `display.form` may choose from. */
export const displayForms = [
  "Default",
  "String",
  "Binary",
  "Decimal",
  "Hex",
  "Exponential",
  "Engineering",
] as const

/** A number: limits have its type, and everything that describes it is there. */
export function numberType<N extends ScalarName>(of: N) {
  return structure("epics:nt/NTScalar:1.0", { value: scalar(of), ...aboutNumbers(of) })
}

/** A waveform of numbers. */
export function arrayType<N extends ScalarName>(of: N) {
  return structure("epics:nt/NTScalarArray:1.0", { value: scalarArray(of), ...aboutNumbers(of) })
}

function aboutNumbers<N extends ScalarName>(of: N) {
  const limit = scalar(of)
  return {
    alarm: alarmType,
    timeStamp: timeType,
    display: structure("", {
      limitLow: limit,
      limitHigh: limit,
      description: t.string,
      units: t.string,
      precision: t.int,
      form: enumType,
    }),
    control: structure("", { limitLow: limit, limitHigh: limit, minStep: limit }),
    valueAlarm: structure("", {
      active: t.boolean,
      lowAlarmLimit: limit,
      lowWarningLimit: limit,
      highWarningLimit: limit,
      highAlarmLimit: limit,
      lowAlarmSeverity: t.int,
      lowWarningSeverity: t.int,
      highWarningSeverity: t.int,
      highAlarmSeverity: t.int,
      hysteresis: t.double,
    }),
  }
}

export const stringType = structure("epics:nt/NTScalar:1.0", {
  value: t.string,
  alarm: alarmType,
  timeStamp: timeType,
  display: structure("", { description: t.string, units: t.string }),
})

export const choiceType = structure("epics:nt/NTEnum:1.0", {
  value: enumType,
  alarm: alarmType,
  timeStamp: timeType,
  display: structure("", { description: t.string }),
})
