/**
 * Serves simulated records over pvAccess, as QSRV does: one PV for each field, made when a client wants it. A put
 * completes when the record has taken the value, or, with `record[block=true]`, when all that it started is over.
 */
import { conditionText } from "node-epics-ca"
import {
  field as memberOf,
  type PutRequest,
  type PvaServer,
  type ScalarName,
  SharedPv,
  type StructureType,
} from "pvxs-node"
import type { Directory, NamedField } from "./directory.ts"
import { arrayType, choiceType, displayForms, numberType, stringType } from "./qsrv-types.ts"
import {
  type Alarm,
  type ArrayContent,
  type Content,
  charsOf,
  type ElementType,
  type FieldSpec,
  type FieldType,
  textOf,
} from "./records/field.ts"
import type { FieldMetadata } from "./records/record.ts"
import { ServedPvs } from "./served-pvs.ts"

const types: Readonly<Record<Exclude<FieldType, "array">, StructureType>> = {
  double: numberType("double"),
  long: numberType("int"),
  ulong: numberType("uint"),
  short: numberType("short"),
  string: stringType,
  enum: choiceType,
  chars: arrayType("byte"),
}

const elementNames: Readonly<Record<ElementType, ScalarName>> = {
  CHAR: "byte",
  UCHAR: "ubyte",
  SHORT: "short",
  USHORT: "ushort",
  LONG: "int",
  ULONG: "uint",
  FLOAT: "float",
  DOUBLE: "double",
}

const typeOf = ({ type, elements = "DOUBLE" }: FieldSpec): StructureType =>
  type === "array" ? arrayType(elementNames[elements]) : types[type]

/** The records of a directory on a pvAccess server. */
export class RecordsOverPva {
  readonly #pvs = new ServedPvs<SharedPv>({ make: makePv, posted, again, described })

  constructor(server: PvaServer, directory: Directory) {
    server.provide({
      find: name => {
        const named = directory.find(name)
        return named && this.#pvs.get(named)
      },
      names: () => directory.names,
    })
  }

  /** Ends the channels of clients to a PV, which the directory has taken away. */
  disconnect(named: NamedField): void {
    this.#pvs.known(named)?.close()
  }

  /** Makes a PV that was disconnected ready for clients again. */
  reconnect(named: NamedField): void {
    const pv = this.#pvs.known(named)
    if (pv !== undefined && !pv.isOpen) pv.open(typeOf(named.spec), present(named) as never)
  }
}

function makePv(named: NamedField): SharedPv {
  const onPut = named.spec.readOnly ? {} : { onPut: (put: PutRequest) => write(named, put) }
  return new SharedPv(typeOf(named.spec), { value: present(named) as never, ...onPut })
}

// Types of fields are known when the beamline runs, not when it is compiled. A PV that is disconnected has no clients.

function posted(pv: SharedPv, { spec }: NamedField, value: Content, alarm: Alarm, time: number): void {
  if (!pv.isOpen) return
  const { alarm: now, timeStamp } = stampOf(alarm, time)
  const isNew =
    memberOf(pv.value, "alarm", "severity") !== now.severity ||
    memberOf(pv.value, "alarm", "message") !== now.message
  pv.post({ value: shown(spec, value), timeStamp, ...(isNew && { alarm: now }) } as never)
}

/** Who reads sees that the value is a new one; who watches has it already. */
function again(pv: SharedPv, time: number): void {
  if (pv.isOpen) pv.keep({ timeStamp: timeStampOf(time) } as never)
}

function described(pv: SharedPv, { record, field, spec }: NamedField): void {
  if (pv.isOpen) pv.post(describe(spec.type, record.metadata(field), record.read("DESC")) as never)
}

/** All that a PV for a field holds. */
export const present = ({ record, field, spec }: NamedField): object => ({
  value: shown(spec, record.read(field) ?? spec.initial),
  ...describe(spec.type, record.metadata(field), record.read("DESC")),
  ...stampOf(record.alarm, record.time),
})

async function write({ record, field, spec }: NamedField, put: PutRequest): Promise<void> {
  const written =
    spec.type === "enum"
      ? // A record keeps 16 bits of it.
        Number(memberOf(put.value, "value", "index")) & 0xffff
      : memberOf(put.value, "value")
  const content = spec.type === "chars" ? textOf(written as ArrayContent) : (written as Content)
  if (put.options["block"] === "true") await record.put(field, content, put)
  else void record.write(field, content)
}

function shown(spec: FieldSpec, value: Content): unknown {
  if (spec.type === "enum") return { index: value, choices: spec.choices ?? [] }
  return spec.type === "chars" ? new Int8Array(charsOf(String(value), spec.length ?? 256)) : value
}

/** Limits of a number that nobody has set. */
const noAlarmLimits = {
  lowAlarmLimit: Number.NaN,
  lowWarningLimit: Number.NaN,
  highWarningLimit: Number.NaN,
  highAlarmLimit: Number.NaN,
}

/** Alarm and time of a value. */
export function stampOf({ severity, status }: Alarm, time: number) {
  return {
    // The class of trouble is the record's; its Channel Access condition goes into the text, as in QSRV.
    alarm: { severity, status: severity === 0 ? 0 : 3, message: severity === 0 ? "" : conditionText(status) },
    timeStamp: timeStampOf(time),
  }
}

function timeStampOf(time: number) {
  const secondsPastEpoch = Math.floor(time)
  return { secondsPastEpoch, nanoseconds: Math.round((time - secondsPastEpoch) * 1e9) % 1e9 }
}

function describe(
  type: FieldType,
  { units = "", precision = 0, limits = [0, 0] }: FieldMetadata,
  description: unknown,
): object {
  if (type === "enum") return { display: { description } }
  if (type === "string") return { display: { description, units } }
  const [limitLow, limitHigh] = limits
  const form = { index: 0, choices: displayForms }
  return {
    display: { description, units, precision, limitLow, limitHigh, form },
    control: { limitLow, limitHigh },
    ...(type === "double" && { valueAlarm: noAlarmLimits }),
  }
}
