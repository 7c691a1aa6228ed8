/** The thread that writes HDF5 files, so that the event loop of the IOC goes on meanwhile. One file at a time. */
import { parentPort } from "node:worker_threads"
import { ready } from "h5wasm/node"
import { ImageFile } from "./file.ts"
import type { Command, Reply, Request } from "./messages.ts"
import { reasonOf } from "./rows.ts"

let file: ImageFile | undefined

async function carryOut(command: Command): Promise<void> {
  if (command.kind === "prepare") {
    await ready
    return
  }
  if (command.kind === "open") {
    file?.close()
    file = undefined
    file = await ImageFile.create(command.path, command.first, command.layout)
    return
  }
  if (file === undefined) throw new Error("no file is open")
  if (command.kind === "write") return file.write(command.frame)
  if (command.kind === "flush") return file.flush()
  if (command.kind === "lose") return file.lose()
  const ending = file
  file = undefined
  ending.close()
}

let last: Promise<void> = Promise.resolve()

parentPort?.on("message", ({ id, command }: Request) => {
  last = last
    .then(() => carryOut(command))
    .then(
      () => ({ id }),
      (error: unknown) => ({ id, error: reasonOf(error) }),
    )
    .then((reply: Reply) => parentPort?.postMessage(reply))
})
