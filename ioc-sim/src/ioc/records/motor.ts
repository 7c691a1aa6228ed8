/** The motor record: what its fields do, on a simulated axis. */
import type { Clock } from "@ophyd-ts/core"
import { Axis, type AxisFault, type Travel } from "../physics/axis.ts"
import { type Content, type FieldTable, noAlarm } from "./field.ts"
import { LastingRecord } from "./lasting.ts"
import { type MotorFields, MotorStatus, motorFields, Spmg } from "./motor-fields.ts"
import type { FieldMetadata, InitialValues } from "./record.ts"

/** Seconds between two read-backs of a moving axis. */
const tick = 0.05

/** How a motor differs from the usual one. */
export interface MotorOptions {
  /** First values of fields. */
  readonly fields?: InitialValues<MotorFields>
  /** Dial positions of the limit switches. Default: far away. */
  readonly travel?: Travel
}

/** Units that are not EGU, as the motor record has them. */
const unitsOf: Readonly<Record<string, (egu: string) => string>> = {
  VELO: egu => `${egu}/sec`,
  VMAX: egu => `${egu}/sec`,
  BVEL: egu => `${egu}/sec`,
  VBAS: egu => `${egu}/sec`,
  ACCL: () => "sec",
  BACC: () => "sec",
  SREV: () => "steps/rev",
  UREV: egu => `${egu}/rev`,
}

/** Fields that lie between two others. */
const limitsOf: Readonly<Record<string, readonly [low: keyof MotorFields, high: keyof MotorFields]>> = {
  VAL: ["LLM", "HLM"],
  RBV: ["LLM", "HLM"],
  DVAL: ["DLLM", "DHLM"],
  DRBV: ["DLLM", "DHLM"],
  VELO: ["VBAS", "VMAX"],
}

/** The simulated motor record. Every accepted request makes DMOV go 1, 0, 1, also one that moves nothing. */
export class MotorRecord extends LastingRecord<MotorFields> {
  readonly #axis: Axis
  /** Dial position that was last asked for. */
  #target: number
  /** SPMG holds a request back. */
  #held = false
  #stopping = false
  #cancelTick: () => void = () => {}

  constructor(name: string, clock: Clock, { fields = {}, travel }: MotorOptions = {}) {
    super(name, "motor", motorFields, clock, fields)
    this.#target = this.#toDial(this.get("VAL"))
    this.#axis = new Axis(clock, this.#target, travel)
    this.set("DVAL", this.#target)
    this.#limitsFromDial()
    this.#show()
    this.#status()
  }

  /** Makes or mends a trouble of the mechanics. */
  setFault(fault: AxisFault | undefined): void {
    this.#axis.setFault(fault)
    if (!this.#done) this.#nextTick()
  }

  override metadata(field: string): FieldMetadata {
    const type = (this.table as FieldTable)[field]?.type
    const egu = this.get("EGU")
    const units = unitsOf[field]?.(egu) ?? egu
    const precision = type === "double" || type === "string" ? this.get("PREC") : 0
    const [low, high] = limitsOf[field] ?? []
    if (low === undefined || high === undefined) return { units, precision }
    return { units, precision, limits: [Number(this.get(low)), Number(this.get(high))] }
  }

  override close(): void {
    this.#cancelTick()
    super.close()
  }

  protected override check(field: keyof MotorFields, value: Content): void {
    const positive = ["VELO", "ACCL", "MRES", "SREV", "UREV"]
    if (positive.includes(field) && !(Number(value) > 0))
      throw new Error(`${this.name}.${field}: ${value} is not above 0`)
  }

  protected override written(field: keyof MotorFields): Promise<void> | void {
    switch (field) {
      case "VAL":
        return this.#request(this.#toDial(this.get("VAL")), field)
      case "DVAL":
        return this.#request(this.get("DVAL"), field)
      case "RVAL":
        return this.#request(this.get("RVAL") * this.get("MRES"), field)
      case "RLV": {
        const step = this.get("RLV")
        this.post({ RLV: 0 })
        return this.#request(this.#target + step * this.#sign, field)
      }
      case "TWF":
      case "TWR": {
        if (this.#button(field)) {
          const step = field === "TWF" ? this.get("TWV") : -this.get("TWV")
          return this.#request(this.#target + step * this.#sign, field)
        }
        return
      }
      case "HOMF":
      case "HOMR":
        return this.#button(field) ? this.#request(0, field) : undefined
      case "STOP":
        if (this.#button(field)) this.#stop()
        return
      case "SYNC":
      case "STUP":
        this.post({ SYNC: 0, STUP: 0 })
        this.#refresh()
        return
      default:
        this.announce(field)
        this.#configured(field)
        return
    }
  }

  #configured(field: keyof MotorFields): void {
    if (field === "SPMG") this.#switch()
    else if (field === "OFF" || field === "DIR") {
      this.post({ VAL: this.#toUser(this.#target) })
      this.#limitsFromDial()
      this.#show()
    } else if (field === "HLM" || field === "LLM") this.#limitsFromUser()
    else if (field === "DHLM" || field === "DLLM") this.#limitsFromDial()
    else if (field === "EGU" || field === "PREC") this.describe()
    else if (field === "MRES") this.post({ UREV: this.get("MRES") * this.get("SREV") })
    else if (field === "SREV" || field === "UREV") this.post({ MRES: this.get("UREV") / this.get("SREV") })
  }

  /** A field that is a push button resets itself. */
  #button(field: "STOP" | "TWF" | "TWR" | "HOMF" | "HOMR"): boolean {
    const pressed = this.get(field) !== 0
    this.set(field, 0)
    this.announce(field)
    return pressed
  }

  /** Takes a target, or puts back the last one when this one is outside the limits. Settles at the end of the move. */
  #request(dial: number, field: keyof MotorFields): Promise<void> | void {
    if (this.get("SET") === 1) {
      this.#redefine(dial)
      return
    }
    const [low, high] = [this.get("DLLM"), this.get("DHLM")]
    const allowed = Number.isFinite(dial) && (low === high || (dial >= low && dial <= high))
    if (allowed) this.#target = dial
    this.set("VAL", this.#toUser(this.#target))
    this.set("DVAL", this.#target)
    this.set("RVAL", this.#raw(this.#target))
    this.announce("VAL")
    if (field === "RVAL") this.announce(field)
    this.announce("DVAL")
    this.post({ LVIO: allowed ? 0 : 1, MISS: 0, RCNT: 0 })
    if (!allowed) return
    this.#stopping = false
    this.post({ DMOV: 0 })
    this.#held = this.get("SPMG") <= Spmg.pause
    if (!this.#held) this.#begin()
    return this.begun()
  }

  /** SET mode: the position gets another number and the axis stays where it is. */
  #redefine(dial: number): void {
    const here = this.#axis.state.position
    // A dial position cannot be moved under the simulated axis: both ways of FOFF change the offset.
    this.#target = here
    this.post({ OFF: this.get("OFF") + (dial - here) * this.#sign })
    this.#limitsFromDial()
    this.#refresh()
  }

  /** Target and read-back say where the axis is. */
  #refresh(): void {
    if (!this.#done) return
    this.#target = this.#axis.state.position
    this.post({ VAL: this.#toUser(this.#target), DVAL: this.#target, RVAL: this.#raw(this.#target) })
    this.#show()
  }

  #switch(): void {
    if (this.get("SPMG") === Spmg.stop) this.#stop()
    else if (this.get("SPMG") === Spmg.pause) {
      if (this.#done) return
      this.#held = true
      this.#axis.stop(this.#acceleration)
      this.#nextTick()
    } else if (this.#held) {
      this.#held = false
      this.#begin()
    }
  }

  #stop(): void {
    if (this.#done) return
    this.#held = false
    this.#stopping = true
    this.#axis.stop(this.#acceleration)
    this.#nextTick()
  }

  #begin(): void {
    this.#axis.move(this.#target, this.#speed, this.#acceleration)
    const forward = this.#target >= this.#axis.state.position
    this.post({ MOVN: 1, TDIR: forward === this.#sign > 0 ? 1 : 0 })
    this.#status(forward)
    this.#nextTick()
  }

  #nextTick(): void {
    this.#cancelTick()
    // Rounding may leave a rest so small that it does not advance the clock.
    const wait = Math.min(tick, Math.max(this.#axis.remaining, 1e-6))
    this.#cancelTick = this.clock.after(wait, () => this.#step())
  }

  #step(): void {
    this.#show()
    if (this.#axis.remaining > 1e-6) {
      this.#nextTick()
      return
    }
    this.post({ MOVN: 0 })
    if (this.#held) {
      this.#status()
      return
    }
    const blocked = this.#axis.lowLimit || this.#axis.highLimit
    const missed = Math.abs(this.get("DIFF")) > Math.max(this.get("RDBD"), this.get("MRES"))
    if (missed && !this.#stopping && !blocked) {
      if (this.get("RCNT") < this.get("RTRY")) {
        this.post({ RCNT: this.get("RCNT") + 1 })
        this.#begin()
        return
      }
      this.post({ MISS: 1 })
    }
    this.#cancelTick = this.clock.after(this.get("DLY"), () => this.#end())
  }

  #end(): void {
    if (this.#stopping) {
      this.#target = this.#axis.state.position
      this.post({ VAL: this.#toUser(this.#target), DVAL: this.#target, DIFF: 0 })
    }
    this.#stopping = false
    this.post({ DMOV: 1, ATHM: this.get("DRBV") === 0 ? 1 : 0 })
    this.#status()
    if (this.get("SPMG") === Spmg.move) this.post({ SPMG: Spmg.pause })
    this.over()
  }

  get #done(): boolean {
    return this.get("DMOV") === 1
  }

  get #sign(): 1 | -1 {
    return this.get("DIR") === 1 ? -1 : 1
  }

  get #speed(): number {
    return this.get("VELO")
  }

  get #acceleration(): number {
    return this.#speed / this.get("ACCL")
  }

  #toDial(user: number): number {
    return (user - this.get("OFF")) * this.#sign
  }

  #toUser(dial: number): number {
    return dial * this.#sign + this.get("OFF")
  }

  #raw(dial: number): number {
    return Math.round(dial / this.get("MRES"))
  }

  #limitsFromDial(): void {
    const ends = [this.#toUser(this.get("DLLM")), this.#toUser(this.get("DHLM"))] as const
    this.post({ LLM: Math.min(...ends), HLM: Math.max(...ends) })
    this.describe()
  }

  #limitsFromUser(): void {
    const ends = [this.#toDial(this.get("LLM")), this.#toDial(this.get("HLM"))] as const
    this.post({ DLLM: Math.min(...ends), DHLM: Math.max(...ends) })
    this.describe()
  }

  /** Read-backs are whole motor steps. */
  #show(): void {
    const raw = this.#raw(this.#axis.state.position)
    // Dividing by the number of steps per unit gives 0.3 where multiplying by the step gives 0.30000000000000004.
    const dial = raw / (1 / this.get("MRES"))
    const [low, high] = [this.#axis.lowLimit ? 1 : 0, this.#axis.highLimit ? 1 : 0]
    const [lls, hls] = this.#sign > 0 ? [low, high] : [high, low]
    const severity = lls || hls ? this.get("HLSV") : 0
    this.setAlarm(severity === 0 ? noAlarm : { severity, status: lls ? 6 : 4 })
    this.post({
      LLS: lls,
      HLS: hls,
      DRBV: dial,
      RRBV: raw,
      RBV: this.#toUser(dial),
      DIFF: this.#target - dial,
    })
  }

  #status(forward = (this.get("MSTA") & MotorStatus.direction) !== 0): void {
    const bits = [
      MotorStatus.present | MotorStatus.homed,
      forward ? MotorStatus.direction : 0,
      this.get("MOVN") === 1 ? MotorStatus.moving : 0,
      this.#done ? MotorStatus.done : 0,
      this.#axis.highLimit ? MotorStatus.highLimit : 0,
      this.#axis.lowLimit ? MotorStatus.lowLimit : 0,
      this.get("MISS") === 1 ? MotorStatus.stalled : 0,
      this.get("ATHM") === 1 ? MotorStatus.atHome : 0,
    ]
    this.post({ MSTA: bits.reduce((all, bit) => all | bit, 0) })
  }
}
