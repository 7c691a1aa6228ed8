import { Device, derivedSignal, double, Status } from "@ophyd-ts/core"
import { EpicsMotor, type EpicsMotorOptions } from "@ophyd-ts/epics"

export interface MotorSlitOptions extends EpicsMotorOptions {
  /** Suffixes of the two blades' motors. */
  blades: readonly [negative: string, positive: string]
}

/** Two blades on motors, seen as an opening: its gap and its centre. */
export class MotorSlit extends Device {
  readonly negative: EpicsMotor
  readonly positive: EpicsMotor
  readonly gap
  readonly centre

  constructor(prefix: string, { blades: [negative, positive], name, kind, ...motor }: MotorSlitOptions) {
    super({ name, kind })
    this.negative = new EpicsMotor(`${prefix}${negative}`, motor)
    this.positive = new EpicsMotor(`${prefix}${positive}`, motor)
    const from = { negative: this.negative.readback, positive: this.positive.readback }
    this.gap = derivedSignal(
      double,
      { from, get: ({ negative, positive }) => positive - negative },
      { kind: "hinted" },
    )
    this.centre = derivedSignal(
      double,
      { from, get: ({ negative, positive }) => (positive + negative) / 2 },
      { kind: "hinted" },
    )
  }

  /**
   * Moves both blades so that the slit opens by `gap` around `centre`; done when both have arrived. Where a blade would
   * leave its limits, nothing moves.
   */
  set({ gap, centre }: { gap: number; centre: number }): Status<unknown> {
    const targets = [
      { blade: this.negative, position: centre - gap / 2 },
      { blade: this.positive, position: centre + gap / 2 },
    ]
    for (const { blade, position } of targets) blade.checkValue(position)
    return Status.all(
      targets.map(({ blade, position }) => blade.set(position)),
      { name: this.name, action: "open to", target: gap },
    )
  }
}
