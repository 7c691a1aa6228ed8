import {
  type Component,
  type DataKeys,
  DeviceErrors,
  type Group,
  group,
  type Readings,
  RedundantStaging,
  Status,
  type StreamAsset,
  toError,
} from "@ophyd-ts/core"
import { EpicsDevice } from "@ophyd-ts/epics"
import { NoReplayAllowed } from "@ophyd-ts/run-engine"
import type { AdDeviceOptions } from "../device/ad-device.ts"
import type { AdDriver } from "../device/ad-driver.ts"
import { AreaDetectorError } from "../errors.ts"
import type { PathProvider } from "../paths/provider.ts"
import type { FilePlugin } from "../plugins/file.ts"
import type { NdPlugin } from "../plugins/plugin.ts"
import { makePlugins, type PluginChoices, type PluginsOf } from "../plugins/standard.ts"
import { AcquireLogic } from "./arm-logic.ts"
import { claim } from "./claims.ts"
import { type FileOptions, fileParts } from "./file-parts.ts"
import type { ArmLogic, DataLogic, TriggerLogic } from "./logic.ts"
import { PluginValues } from "./plugin-values.ts"
import { type PortLink, validatePorts } from "./ports.ts"
import { prime } from "./prime.ts"
import { Session } from "./session.ts"
import type { TriggerInfo } from "./trigger-info.ts"
import { baseTriggers } from "./trigger-logic.ts"

/** A class of drivers. */
export type DriverClass<D extends AdDriver> = new (prefix: string, options?: AdDeviceOptions) => D

/** What a data logic is made from. */
export interface DetectorParts<D extends AdDriver = AdDriver> {
  readonly driver: D
  readonly plugins: readonly NdPlugin[]
}

/** What is common to all detectors; see `AreaDetectorOptions` for what makes a camera. */
export interface DetectorOptions<P extends PluginChoices> extends AdDeviceOptions {
  /** Its plugins, by the names of their fields: `{ stats: true, roi: true, bpm: [StatsPlugin, "Stats4:"] }`. */
  plugins?: P | undefined
  /** Where its files go. Without it no file is written. */
  paths?: PathProvider | undefined
  /** Which files, and how; default HDF5 by the plugin at `HDF1:`. */
  file?: FileOptions | undefined
  /** Seconds that one step of the camera may take: a setting, a stop, a frame on its way to the file. Default 10. */
  timeout?: number | undefined
  /** Whether staging makes sure that each plugin takes its frames from this detector; default true. */
  checkPorts?: boolean | undefined
}

export interface AreaDetectorOptions<D extends AdDriver, P extends PluginChoices> extends DetectorOptions<P> {
  driver: DriverClass<D>
  /** Prefix of the driver's records after that of the detector; default `cam1:`. */
  driverPrefix?: string | undefined
  /** How it is told what to wait for; default internal, or by an external edge, as ADBase has it. */
  trigger?: ((driver: D) => TriggerLogic) | undefined
  /** How it is started and stopped; default by `Acquire`. */
  arm?: ((driver: D) => ArmLogic) | undefined
  /** Where else its frames go. */
  data?: readonly ((parts: DetectorParts<D>) => DataLogic)[] | undefined
}

/**
 * A camera with its plugins, for step and fly scans. What a camera differs in is given, not inherited: the class of its
 * driver, how it is triggered, how it is started, where its frames go.
 *
 * ```ts
 * const det = new AreaDetector("S1:acme:", {
 *   name: "det",
 *   driver: AcmeDriver,
 *   trigger: driver => triggerModes(driver, { internal: "Free run", externalEdge: "Line 1" }),
 *   plugins: { stats: true, roi: true },
 *   paths: datedPaths("/data"),
 * })
 * ```
 *
 * A step is `stage`, then `trigger` and `read` for each point, then `unstage`. A flight is `stage`, `prepare`, `kickoff`, `complete`,
 * with `collect` as often as one likes. Its frames are announced as stream_resource and stream_datum documents under the
 * key `<name>_image`.
 */
export class AreaDetector<
  D extends AdDriver = AdDriver,
  const P extends PluginChoices = Record<never, never>,
> extends EpicsDevice {
  readonly cam: D
  /** The plugin that writes its files; null for a detector that writes none. */
  readonly file: FilePlugin | null
  /** The plugins that were asked for. Their names in documents follow that of the detector: `det_stats_total`. */
  readonly plugins: Group<PluginsOf<P>>
  readonly #parts: { trigger: TriggerLogic; arm: ArmLogic; data: readonly DataLogic[] }
  readonly #timeout: number
  readonly #checkPorts: boolean
  #release: (() => void) | null = null
  /** Ends with a `stage` under way. */
  #staging: Promise<void> | null = null
  #inBase = false
  #session: Session | null = null
  #action: Status<unknown> | null = null
  /** What belongs to the newest frame, until the next one is taken. */
  #readings: Readings | null = null

  constructor(prefix: string, options: AreaDetectorOptions<D, P>) {
    super(prefix, options)
    const { driver, driverPrefix = "cam1:", paths, protocol, probeTime } = options
    const childOptions: AdDeviceOptions = { protocol, probeTime }
    this.#timeout = options.timeout ?? 10
    this.#checkPorts = options.checkPorts ?? true
    this.cam = new driver(`${prefix}${driverPrefix}`, childOptions)
    const plugins = makePlugins(prefix, options.plugins ?? {}, childOptions)
    const others = Object.values<NdPlugin>(plugins)
    const file = paths === undefined ? null : fileParts(prefix, options.file ?? {}, others, childOptions)
    this.file = file?.plugin ?? null
    this.plugins = group(plugins, { as: "" }) as unknown as Group<PluginsOf<P>>

    const values = others.filter(plugin => plugin !== this.file)
    const data: DataLogic[] = [new PluginValues(values, this.cam, this.#timeout)]
    if (file !== null && paths !== undefined) {
      data.push(file.writer(this.cam, { paths, sources: values, frameTimeout: this.#timeout }))
    }
    for (const make of options.data ?? []) data.push(make({ driver: this.cam, plugins: others }))
    this.#parts = {
      trigger: (options.trigger ?? baseTriggers)(this.cam),
      arm: options.arm?.(this.cam) ?? new AcquireLogic(this.cam, { timeout: this.#timeout }),
      data,
    }
  }

  /**
   * Stops the camera, whatever it does, sets it and its plugins up, and opens the file. The directory is checked here, before
   * anything moves.
   *
   * @throws RedundantStaging, or AreaDetectorError: CLAIMED, WRONG_PORT, BAD_PATH, NOT_ACCEPTED, NOT_STOPPED, WRITE_FAILED.
   */
  override async stage(): Promise<Component[]> {
    if (this.#release !== null) throw new RedundantStaging(this.name)
    this.#release = this.#claim()
    const staging = this.#setUp()
    this.#staging = staging.then(nothing, nothing)
    try {
      return await staging
    } finally {
      this.#staging = null
    }
  }

  /** Stops the camera, closes the file and puts all settings back in reverse order; goes on after a failure. */
  override async unstage(): Promise<Component[]> {
    // A plan may be aborted while its detector is being staged. Failing in the base class, `stage` comes here itself.
    if (!this.#inBase) await this.#staging
    return await this.#undo()
  }

  async #setUp(): Promise<Component[]> {
    try {
      await this.#parts.arm.ensureStopped()
      this.#inBase = true
      const staged = await super.stage()
      this.#inBase = false
      this.#session = new Session({
        name: this.name,
        driver: this.cam,
        timeout: this.#timeout,
        ...this.#parts,
      })
      if (this.#checkPorts) await this.validatePorts()
      await this.#session.begin()
      return staged
    } catch (thrown) {
      this.#inBase = false
      await this.#undo().catch(error => {
        throw new DeviceErrors(this.name, "stage failed and could not be undone", [
          toError(thrown),
          toError(error),
        ])
      })
      throw thrown
    }
  }

  async #undo(): Promise<Component[]> {
    const session = this.#session
    this.#session = null
    this.#readings = null
    this.#endAction("it is unstaged")
    const errors = session === null ? [] : await session.end()
    const unstaged = await super.unstage().catch(thrown => {
      errors.push(toError(thrown))
      return [this]
    })
    this.#release?.()
    this.#release = null
    if (errors.length > 1) throw new DeviceErrors(this.name, "unstage", errors)
    if (errors[0] !== undefined) throw errors[0]
    return unstaged
  }

  /** Sets what the next `trigger` or `kickoff` takes. Steps may do without: then they take one frame each. */
  prepare(info: TriggerInfo): Status<void> {
    return this.#run("prepare", session => session.prepare(info))
  }

  /**
   * Takes the frames of one event. Done when they are where they belong: in the file, counted, none lost, and the
   * plugins' values those of the newest. Fails with `CameraError`, `FileWriteError`, `DroppedFramesError` or
   * `AreaDetectorError`.
   */
  override trigger(): Status<void> {
    this.#readings = null
    return this.#run("trigger", async (session, work) => {
      const readings = await session.step(work, async () => super.read())
      if (this.#session === session) this.#readings = readings
    })
  }

  kickoff(): Status<void> {
    this.#readings = null
    return this.#run("kickoff", session => session.kickoff())
  }

  complete(): Status<void> {
    return this.#run("complete", (session, work) => session.complete(work))
  }

  /** What belongs to the frames of the last trigger. */
  override read(): ReturnType<EpicsDevice["read"]> {
    return this.#readings ?? super.read()
  }

  override async describe(): Promise<DataKeys> {
    const [own, written] = await Promise.all([super.describe(), this.#session?.describe()])
    return { ...own, ...written }
  }

  /** Keys of what its flights write. */
  async describeCollect(): Promise<DataKeys> {
    return await this.#use("describeCollect").describe()
  }

  /** Events whose frames are written. */
  async getIndex(): Promise<number> {
    return (await this.#session?.index()) ?? Number.POSITIVE_INFINITY
  }

  async *collectAssetDocs(index?: number): AsyncIterable<StreamAsset> {
    const session = this.#session
    if (session !== null) yield* session.assets(index ?? (await session.index()))
  }

  /** Stops the camera; whoever waits for its frames gets an error. */
  override async stop(options: { success?: boolean } = {}): Promise<void> {
    this.#endAction("it was stopped")
    await Promise.all([this.#session?.stop() ?? this.#parts.arm.ensureStopped(), super.stop(options)])
  }

  /** A point is taken again after a pause; a flight cannot be. */
  async pause(): Promise<void> {
    const flying = this.#session?.flying === true
    if (this.#action?.done === false && !flying) {
      this.#endAction("the plan is paused")
      await this.#session?.stop()
    }
    if (flying) throw new NoReplayAllowed(`${this.name} is flying`)
  }

  resume(): void {}

  /** The chain of frames; throws WRONG_PORT when a plugin takes them from elsewhere. */
  validatePorts(): Promise<PortLink[]> {
    return validatePorts(this.cam, this.#allPlugins())
  }

  /** Takes one frame so that all plugins know its size: for a file plugin that does not open lazily, after its IOC was started. */
  prime(): Promise<void> {
    if (this.#release !== null)
      throw new AreaDetectorError("CLAIMED", `${this.name}: is staged; prime it before`)
    return prime(this.cam, this.#allPlugins(), this.#parts.arm, this.#timeout)
  }

  #allPlugins(): NdPlugin[] {
    const plugins = [...this.plugins.children.values()] as NdPlugin[]
    return this.file === null || plugins.includes(this.file) ? plugins : [this.file, ...plugins]
  }

  #claim(): () => void {
    const { source } = this.cam.acquire
    // A mock stands for no camera.
    if (source.startsWith("mock+")) return () => {}
    return claim(this.cam.clientFor(this.cam.protocol), source, this)
  }

  #use(verb: string): Session {
    if (this.#session !== null) return this.#session
    throw new AreaDetectorError("NOT_STAGED", `${this.name}: cannot ${verb}: stage it first`)
  }

  #run(action: string, act: (session: Session, work: Parameters<Session["complete"]>[0]) => Promise<void>) {
    const session = this.#use(action)
    const status = Status.run<void>({ name: this.name, action }, work => act(session, work))
    this.#action = status
    return status
  }

  #endAction(why: string): void {
    this.#action?.cancel(new Error(why))
    this.#action = null
  }
}

const nothing = () => {}
