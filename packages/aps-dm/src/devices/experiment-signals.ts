import { readFile } from "node:fs/promises"
import { Device, string } from "@ophyd-ts/core"
import { z } from "zod"
import { ConfigurationError } from "../errors.ts"
import { writeWhole } from "../files.ts"

const remembered = z.object({
  experiment: z.string(),
  dataDirectory: z.string(),
  daqId: z.string(),
  uploadId: z.string(),
})

/** What one plan finds out about the experiment and later plans need: no plan has to ask again. */
export class DmExperimentSignals extends Device {
  readonly experiment = this.soft.rw(string, { kind: "config" })
  /** Watched by the DAQ, as it was given to DM. */
  readonly dataDirectory = this.soft.rw(string, { kind: "config" })
  readonly daqId = this.soft.rw(string, { kind: "config" })
  /** Of the last upload. */
  readonly uploadId = this.soft.rw(string, { kind: "config" })

  /** Writes the values to a file, from which `recall` reads them after a restart. */
  async remember(file: string): Promise<void> {
    const values = {
      experiment: await this.experiment.get(),
      dataDirectory: await this.dataDirectory.get(),
      daqId: await this.daqId.get(),
      uploadId: await this.uploadId.get(),
    }
    await writeWhole(file, `${JSON.stringify(values, null, 2)}\n`)
  }

  /**
   * Takes the values that an earlier program left in the file. Gives false when there is no such file.
   * @throws ConfigurationError when it cannot be read or holds something else.
   */
  async recall(file: string): Promise<boolean> {
    try {
      const values = remembered.parse(JSON.parse(await readFile(file, "utf8")))
      await this.experiment.set(values.experiment)
      await this.dataDirectory.set(values.dataDirectory)
      await this.daqId.set(values.daqId)
      await this.uploadId.set(values.uploadId)
      return true
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return false
      throw new ConfigurationError(`${this.name}: ${file} holds no remembered experiment`, { cause })
    }
  }
}
