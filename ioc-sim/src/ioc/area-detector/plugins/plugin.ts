/** What all plugins do: listen to a port, queue images, drop those for which there is no room, and pass results on. */
import type { Clock } from "@ophyd-ts/core"
import type { SimRecord } from "../../records/record.ts"
import type { ArrayPort, ArrayPorts } from "../array-port.ts"
import { ArraySource, type ArrayTable } from "../array-source.ts"
import type { DetectorFaults, PluginName } from "../faults.ts"
import type { PluginFields } from "../fields/plugin.ts"
import { colorModes, dataTypes, type Frame } from "../frame.ts"
import { type Parameters, Parameters as ParametersOf, type ParameterTable } from "../parameters.ts"

/** What a plugin is given. */
export interface PluginParts {
  readonly name: PluginName
  /** Of the PV names, such as `sim:ad:Stats1:`. */
  readonly prefix: string
  readonly clock: Clock
  /** All ports of the IOC, also those that are made after this plugin. */
  readonly ports: ArrayPorts
  readonly faults: DetectorFaults
}

export abstract class Plugin<T extends ParameterTable & PluginFields = PluginFields> {
  readonly name: PluginName
  readonly parameters: Parameters<T>
  protected readonly clock: Clock
  protected readonly faults: DetectorFaults
  protected readonly source: ArraySource
  /** The same parameters, as those that every plugin has. */
  readonly #common: Parameters<PluginFields>
  readonly #ports: ArrayPorts
  readonly #queue: Frame[] = []
  /** Ends images that a fault keeps waiting. */
  readonly #delayed = new Set<() => void>()
  #busy = false
  #taken = Number.NEGATIVE_INFINITY
  #unsubscribe: () => void = () => {}

  constructor({ name, prefix, clock, ports, faults }: PluginParts, table: T) {
    this.name = name
    this.clock = clock
    this.faults = faults
    this.#ports = ports
    this.parameters = new ParametersOf(prefix, clock, table)
    this.#common = this.parameters as unknown as Parameters<PluginFields>
    this.source = new ArraySource(this.parameters as unknown as Parameters<ArrayTable>, clock)
    this.#common.onWrite({
      NDArrayPort: () => this.connect(),
      QueueSize: () => this.#showQueue(),
      MaxArrayRate: rate => this.#common.reset("MinCallbackTime", rate > 0 ? 1 / rate : 0),
      ProcessPlugin: () => {
        const { last } = this.source
        if (last !== undefined) return this.#process(last)
      },
    })
  }

  get port(): ArrayPort {
    return this.source.port
  }

  get records(): readonly SimRecord[] {
    return this.parameters.records
  }

  /** Listens to the port that NDArrayPort names, and to no other. A port that does not exist gives nothing. */
  connect(): void {
    this.#unsubscribe()
    const port = this.#ports.get(this.#common.get("NDArrayPort"))
    this.#unsubscribe =
      port === undefined || port === this.port ? () => {} : port.subscribe(f => this.#receive(f))
  }

  /** Takes no more images. Resolves when what it has begun is over. */
  async close(): Promise<void> {
    this.#unsubscribe()
    for (const frame of this.#queue.splice(0)) frame.origin.handled()
    for (const end of this.#delayed) end()
    this.source.close()
    this.parameters.close()
  }

  /** Handles an image; gives what is passed on, by default the same. Never rejects. */
  protected abstract handle(frame: Frame): Frame | undefined | Promise<Frame | undefined>

  /** Whether the array counter counts this image. */
  protected counts(_frame: Frame): boolean {
    return true
  }

  #receive(frame: Frame): Promise<void> | void {
    const p = this.#common
    if (p.get("EnableCallbacks") === 0) return
    if (this.faults.takeDrop(this.name)) return this.#drop()
    const now = this.clock.now()
    if (now - this.#taken < p.get("MinCallbackTime") - 1e-9) return
    this.#taken = now
    if (p.get("BlockingCallbacks") === 1) return this.#process(frame)
    if (this.#busy) {
      if (this.#queue.length >= p.get("QueueSize")) return this.#drop()
      this.#queue.push(frame)
      frame.origin.queued()
      return this.#showQueue()
    }
    frame.origin.queued()
    this.#work(frame)
  }

  #drop(): void {
    this.#common.reset("DroppedArrays", this.#common.get("DroppedArrays") + 1)
  }

  #showQueue(): void {
    this.#common.set("QueueUse", this.#queue.length)
    this.#common.set("QueueFree", this.#common.get("QueueSize") - this.#queue.length)
  }

  /** Handles an image outside the driver's turn, and then those that have come meanwhile. */
  #work(first: Frame): void {
    for (let frame: Frame | undefined = first; frame !== undefined; frame = this.#next()) {
      const outcome = this.#process(frame)
      const { origin } = frame
      if (outcome instanceof Promise) {
        this.#busy = true
        void outcome.then(() => {
          this.#busy = false
          origin.handled()
          const next = this.#next()
          if (next !== undefined) this.#work(next)
        })
        return
      }
      origin.handled()
    }
  }

  #next(): Frame | undefined {
    const frame = this.#queue.shift()
    if (frame !== undefined) this.#showQueue()
    return frame
  }

  #process(frame: Frame): Promise<void> | void {
    const delay = this.faults.delay(this.name)
    if (delay === 0) return this.#processNow(frame)
    return new Promise(resolve => {
      const cancel = this.clock.after(delay, () => {
        this.#delayed.delete(end)
        void Promise.resolve(this.#processNow(frame)).then(resolve)
      })
      const end = (): void => {
        cancel()
        resolve()
      }
      this.#delayed.add(end)
    })
  }

  #processNow(frame: Frame): Promise<void> | void {
    const p = this.#common
    const begun = this.clock.now()
    if (this.counts(frame)) this.source.count()
    p.set("DataType", dataTypes.indexOf(frame.dataType))
    p.set("ColorMode", colorModes.indexOf(frame.colorMode))
    this.source.describe(frame)
    const outcome = this.handle(frame)
    const passOn = (result: Frame | undefined): Promise<void> | void => {
      p.set("ExecutionTime", (this.clock.now() - begun) * 1000)
      return result && this.source.publish(result)
    }
    return outcome instanceof Promise ? outcome.then(passOn) : passOn(outcome)
  }
}
