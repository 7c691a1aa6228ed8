/** The devices of the recordings: what `interop/python/record_bluesky.py` has in Python. */
import { type DataKey, type Readings, Status } from "@ophyd-ts/core"

export const dataKey = (more: Partial<DataKey> = {}): DataKey => ({
  source: "sim",
  dtype: "number",
  shape: [],
  ...more,
})

const readings = (values: Record<string, number>): Readings =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, { value, timestamp: Date.now() / 1000 }]),
  )

/** Moves at once. */
export class Motor {
  readonly name: string
  readonly hints: { fields: string[] }
  at: number

  constructor(name: string, position = 0) {
    this.name = name
    this.hints = { fields: [name] }
    this.at = position
  }

  set(value: number) {
    this.at = value
    return Status.finished({ name: this.name, action: "set" })
  }

  locate = () => ({ setpoint: this.at, readback: this.at })
  read = () => readings({ [this.name]: this.at, [`${this.name}_setpoint`]: this.at })
  describe = () => ({
    [this.name]: dataKey({ precision: 3, units: "mm" }),
    [`${this.name}_setpoint`]: dataKey({ precision: 3, units: "mm" }),
  })
  readConfiguration = () => readings({ [`${this.name}_velocity`]: 1 })
  describeConfiguration = () => ({ [`${this.name}_velocity`]: dataKey({ units: "mm/s" }) })
  stage = () => [this]
  unstage = () => [this]
  stop = () => {}
}

/** Counts its triggers. */
export class Detector {
  readonly name: string
  readonly keys: string[]
  readonly hints: { fields: string[] }
  count = 0
  gain = 1

  constructor(name: string, keys = [name]) {
    this.name = name
    this.keys = keys
    this.hints = { fields: keys.slice(0, 1) }
  }

  trigger(): Status<void> {
    this.count++
    return Status.finished({ name: this.name, action: "trigger" })
  }

  read = () => readings(Object.fromEntries(this.keys.map(key => [key, this.count])))
  describe = () => Object.fromEntries(this.keys.map(key => [key, dataKey()]))
  readConfiguration = () => readings({ [`${this.name}_gain`]: this.gain })
  describeConfiguration = () => ({ [`${this.name}_gain`]: dataKey() })
  configure = (values: Record<string, unknown>) => {
    const old = this.readConfiguration()
    this.gain = values["gain"] as number
    return { old, new: this.readConfiguration() }
  }
  stage = () => [this]
  unstage = () => [this]
  subscribeReadings(fn: (r: Readings) => void) {
    fn(this.read())
    return { unsubscribe: () => {}, [Symbol.dispose]: () => {} }
  }
}

export class Failing extends Detector {
  override trigger(): Status<void> {
    return Status.failed({ name: this.name, action: "trigger" }, new Error("it broke"))
  }
}

export class Flyer {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  kickoff = () => Status.finished()
  complete = () => Status.finished()
  describeCollect = () => ({ primary: { [`${this.name}_x`]: dataKey(), [`${this.name}_y`]: dataKey() } });

  *collect() {
    const [x, y] = [`${this.name}_x`, `${this.name}_y`] as const
    for (let i = 0; i < 3; i++)
      yield { time: i, data: { [x]: i, [y]: i * i }, timestamps: { [x]: i, [y]: i } }
  }
}

export const kit = () => ({
  m: new Motor("m", 5),
  x: new Motor("x"),
  y: new Motor("y"),
  z: new Motor("z"),
  d: new Detector("d"),
  e: new Detector("e", ["e", "e_sum"]),
  f: new Flyer("f"),
})

export type Kit = ReturnType<typeof kit>
