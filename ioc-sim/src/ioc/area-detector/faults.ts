/** Troubles of the detector that a test asks for. */

/** The plugins of the detector by the first part of their PV names. */
export const pluginNames = ["image1", "Pva1", "HDF1", "TIFF1", "Stats1", "ROI1"] as const
export type PluginName = (typeof pluginNames)[number]
/** Plugins that write files. */
export type WriterName = "HDF1" | "TIFF1"

/**
 * A trouble of the detector.
 *
 * - `dropped-frames`: the next images that reach a plugin are lost, and counted in its DroppedArrays_RBV.
 * - `slow-plugin`: each image takes a plugin so many seconds more, so that its queue fills.
 * - `detector-error`: an acquisition ends in the state Error with this message, after so many good images.
 * - `disk-full`: a writer has room for so many more images; later ones fail, the file stays readable up to the last
 *   image that was flushed.
 * - `not-writable`: a writer is refused every file that it wants to open.
 */
export type DetectorFault =
  | { readonly kind: "dropped-frames"; readonly plugin: PluginName; readonly frames: number }
  | { readonly kind: "slow-plugin"; readonly plugin: PluginName; readonly seconds: number }
  | { readonly kind: "detector-error"; readonly message: string; readonly afterFrames?: number }
  | { readonly kind: "disk-full"; readonly plugin?: WriterName; readonly afterFrames: number }
  | { readonly kind: "not-writable"; readonly plugin?: WriterName }

type Kind = DetectorFault["kind"]
type Of<K extends Kind> = Extract<DetectorFault, { readonly kind: K }>

/** The troubles in force. Camera and plugins ask when it is their turn. */
export class DetectorFaults {
  readonly #faults = new Map<DetectorFault, number>()

  /** Gives the function that mends it. */
  add(fault: DetectorFault): () => void {
    const left = "frames" in fault ? fault.frames : "afterFrames" in fault ? (fault.afterFrames ?? 0) : 0
    this.#faults.set(fault, left)
    return () => void this.#faults.delete(fault)
  }

  /** Whether this image gets lost on its way to a plugin. */
  takeDrop(plugin: PluginName): boolean {
    const fault = this.#find("dropped-frames", each => each.plugin === plugin)
    if (fault === undefined) return false
    const left = this.#left(fault) - 1
    if (left > 0) this.#faults.set(fault, left)
    else this.#faults.delete(fault)
    return left >= 0
  }

  /** Seconds that a plugin needs more. */
  delay(plugin: PluginName): number {
    return this.#find("slow-plugin", each => each.plugin === plugin)?.seconds ?? 0
  }

  /** The message with which this exposure fails. The fault is over then. */
  takeError(): string | undefined {
    const fault = this.#find("detector-error", () => true)
    if (fault === undefined) return undefined
    const left = this.#left(fault)
    if (left > 0) {
      this.#faults.set(fault, left - 1)
      return undefined
    }
    this.#faults.delete(fault)
    return fault.message
  }

  /** Whether there is no room on the disk for this image. Takes room for one if there is. */
  takeRoom(plugin: WriterName): boolean {
    const fault = this.#find("disk-full", each => (each.plugin ?? "HDF1") === plugin)
    if (fault === undefined) return true
    const left = this.#left(fault)
    if (left > 0) this.#faults.set(fault, left - 1)
    return left > 0
  }

  /** Whether files may be made. */
  mayWrite(plugin: WriterName): boolean {
    return this.#find("not-writable", each => (each.plugin ?? "HDF1") === plugin) === undefined
  }

  #left(fault: DetectorFault): number {
    return this.#faults.get(fault) ?? 0
  }

  #find<K extends Kind>(kind: K, matches: (fault: Of<K>) => boolean): Of<K> | undefined {
    for (const fault of this.#faults.keys())
      if (fault.kind === kind && matches(fault as Of<K>)) return fault as Of<K>
    return undefined
  }
}
