/** The plugin `TIFF1:`, which writes each image to a TIFF file of its own. */
import { type FileHandle, open, rename } from "node:fs/promises"
import { fileFields } from "../fields/file.ts"
import { pluginFields } from "../fields/plugin.ts"
import { encodeTiff } from "../files/tiff.ts"
import type { Frame } from "../frame.ts"
import { FilePlugin } from "./file.ts"
import type { PluginParts } from "./plugin.ts"

const table = {
  ...pluginFields({ port: "FileTIFF1", type: "NDFileTIFF", arrayCallbacks: false }),
  ...fileFields("TIFF", "%s%s_%6.6d.tiff"),
}

export class TiffPlugin extends FilePlugin<typeof table> {
  protected readonly supportsMultiple = false
  #file: FileHandle | undefined

  constructor(parts: PluginParts) {
    super(parts, table)
  }

  protected override async openFile(path: string): Promise<void> {
    this.#file = await open(path, "w")
  }

  protected override async writeFrame(frame: Frame): Promise<void> {
    await this.#file?.writeFile(encodeTiff(frame))
  }

  protected override async closeFile(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }

  protected override rename(from: string, to: string): Promise<void> {
    return rename(from, to)
  }
}
