import {
  type Checkable,
  type Clock,
  Device,
  double,
  LimitError,
  type Locatable,
  type Location,
  type Movable,
  type SetOptions,
  type SignalR,
  type SignalRW,
  Status,
  softReadable,
  systemClock,
} from "@ophyd-ts/core"

export interface SimMotorOptions {
  /** Position at the start; default 0. */
  position?: number
  /** Seconds that a move takes; default 0: the motor is there at once. */
  moveTime?: number
  /** Lowest and highest position. */
  limits?: [low: number, high: number]
  units?: string
  clock?: Clock
}

/** A motor without hardware: keys `<name>` (read-back) and `<name>_setpoint`, a velocity as configuration. */
export class SimMotor extends Device implements Movable<number>, Locatable<number>, Checkable<number> {
  readonly readback: SignalR<number>
  readonly setpoint: SignalR<number>
  readonly velocity: SignalRW<number>
  /** Seconds that a move takes. */
  moveTime: number
  /** All positions it was sent to. */
  readonly moves: number[] = []
  /** How often it was stopped. */
  stops = 0
  readonly #limits: [number, number] | null
  readonly #clock: Clock
  readonly #place: (value: number) => void
  readonly #aim: (value: number) => void
  #position: number
  #target: number
  #moving: ((reason: Error) => void) | null = null

  constructor(name: string, options: SimMotorOptions = {}) {
    super({ name })
    const { position = 0, moveTime = 0, limits, units = "mm", clock = systemClock } = options
    const value = { initial: position, units, precision: 3, clock }
    const [readback, place] = softReadable(double, { ...value, kind: "hinted", as: "" }, this)
    const [setpoint, aim] = softReadable(double, value, this)
    this.readback = readback
    this.setpoint = setpoint
    this.velocity = this.soft.rw(double, { initial: 1, units: `${units}/s`, kind: "config", clock })
    this.moveTime = moveTime
    this.#limits = limits ?? null
    this.#clock = clock
    this.#place = place
    this.#aim = aim
    this.#position = position
    this.#target = position
  }

  get position(): number {
    return this.#position
  }

  checkValue(value: number): void {
    const [low, high] = this.#limits ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
    if (value < low || value > high) throw new LimitError(this.name, value, low, high)
  }

  set(value: number, options: SetOptions = {}): Status<void> {
    this.checkValue(value)
    this.moves.push(value)
    this.#target = value
    this.#aim(value)
    const what = {
      name: this.name,
      action: "move to",
      target: value,
      unit: "mm",
      clock: this.#clock,
      ...options,
    }
    if (this.moveTime <= 0) {
      this.#arrive(value)
      return Status.finished(what)
    }
    return new Status(what, action => {
      const forget = this.#clock.after(this.moveTime, () => {
        this.#moving = null
        this.#arrive(value)
        action.finish()
      })
      this.#moving = reason => {
        forget()
        this.#moving = null
        action.fail(reason)
      }
      action.onCancel(() => {
        forget()
        this.#moving = null
      })
    })
  }

  override async stop(): Promise<void> {
    this.stops++
    this.#moving?.(new Error("it was stopped"))
  }

  locate(): Location<number> {
    return { setpoint: this.#target, readback: this.#position }
  }

  #arrive(value: number): void {
    this.#position = value
    this.#place(value)
  }
}

export const simMotor = (name: string, options?: SimMotorOptions): SimMotor => new SimMotor(name, options)
