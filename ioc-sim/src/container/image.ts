/** The image of the genuine softIoc: made from this package's Dockerfile when the engine does not have it yet. */
import { createHash } from "node:crypto"
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { IocSimError } from "../errors.ts"
import { packageFolder } from "../softioc/python.ts"
import type { Engine } from "./engine.ts"
import type { SoftIocImageOptions } from "./options.ts"

/** Variables of this process that the build sees too, so that pip reaches its index from there as from here. */
const passedOn = [
  "PIP_INDEX_URL",
  "PIP_EXTRA_INDEX_URL",
  "PIP_TRUSTED_HOST",
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"].flatMap(name => [name, name.toLowerCase()]),
]

/** A file of authorities that is to be trusted, as pip and what it is made of look for it. */
const certificateVariables = ["PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"]

/** The image to build upon when the caller names none. */
export function containerBase(environment: NodeJS.ProcessEnv = process.env): string {
  return environment["OPHYD_TS_CONTAINER_BASE"] || "python:3.12-slim"
}

/** `undefined`, the engine's own platform, if the wheels of EPICS Base exist for it; else one that engines emulate. */
export function platformOf({ client }: Engine): string | undefined {
  return /^(x86_64|amd64)$/.test(client.info.containerRuntime.architecture) ? undefined : "linux/amd64"
}

/**
 * Name of the image. If the engine does not have it, it is made, which takes a minute and the network; it is kept,
 * and another one is made when something that it consists of has changed.
 * @throws IocSimError `container-image-failed` with the end of what the build printed.
 */
export async function softIocImage(engine: Engine, options: SoftIocImageOptions = {}): Promise<string> {
  const { base = containerBase(), report = () => {} } = options
  const { ImageName } = engine.testcontainers
  const { image } = engine.client
  const files = await contextFiles()
  const name = `ophyd-ts-softioc:${await fingerprint(base, files)}`
  if (await image.exists(ImageName.fromString(name))) return name

  report(`making the image ${name} from ${base}`)
  const folder = await mkdtemp(join(tmpdir(), "ophyd-ts-image-"))
  const printed: string[] = []
  const print = (line: string): void => {
    printed.push(line)
    report(line)
  }
  try {
    await image.pull(ImageName.fromString(base), { force: false, platform: platformOf(engine) })
    await build(engine, { folder, files: await copyContext(folder, files), name, base, print })
    return name
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new IocSimError(
      "container-image-failed",
      `could not make the image ${name} from ${base}: ${reason}\n${printed.slice(-40).join("\n")}`,
      { cause },
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What the image is made of besides the base, relative to the folder of this package. */
async function contextFiles(): Promise<string[]> {
  const inside = ["db", "python"].map(async folder => {
    const entries = await readdir(join(packageFolder, folder), { withFileTypes: true })
    return entries.filter(entry => entry.isFile()).map(entry => `${folder}/${entry.name}`)
  })
  const files = (await Promise.all(inside)).flat().filter(file => file !== "python/requirements-peers.txt")
  return ["Dockerfile", ...files.sort()]
}

async function fingerprint(base: string, files: readonly string[]): Promise<string> {
  const hash = createHash("sha256").update(base)
  for (const file of files) hash.update(`\0${file}\0`).update(await readFile(join(packageFolder, file)))
  return hash.digest("hex").slice(0, 16)
}

/** Gives the names of what it has put into the folder. */
async function copyContext(folder: string, files: readonly string[]): Promise<string[]> {
  for (const file of files) {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await copyFile(join(packageFolder, file), join(folder, file))
  }
  const certificates = certificateVariables.map(name => process.env[name]).find(Boolean)
  if (certificates === undefined) return [...files]
  await copyFile(certificates, join(folder, "pip-certificates.pem"))
  return [...files, "pip-certificates.pem"]
}

interface Build {
  readonly folder: string
  readonly files: readonly string[]
  readonly name: string
  readonly base: string
  readonly print: (line: string) => void
}

/** One line of what an engine says while it builds. */
interface BuildEvent {
  readonly stream?: string
  readonly error?: string
}

/** Dockerode knows how to read what BuildKit says; its types do not know that yet. */
interface BuildReader {
  followProgress(
    stream: NodeJS.ReadableStream,
    finished: (error: Error | null) => void,
    progress: (event: BuildEvent) => void,
  ): void
}

/** The builder of testcontainers would keep to itself why a build has failed. */
async function build(engine: Engine, { folder, files, name, base, print }: Build): Promise<void> {
  const { dockerode } = engine.client.container
  const set = passedOn.flatMap(variable => {
    const value = process.env[variable]
    return value === undefined || value === "" ? [] : [[variable, value] as const]
  })
  const platform = platformOf(engine)
  const stream = await dockerode.buildImage(
    { context: folder, src: [...files] },
    {
      t: name,
      buildargs: { BASE: base, ...Object.fromEntries(set) },
      version: "2", // BuildKit copies far less than the builder before it.
      ...(platform !== undefined && { platform }),
    },
  )
  await new Promise<void>((resolve, reject) => {
    let failure: string | undefined
    ;(dockerode as unknown as BuildReader).followProgress(
      stream,
      error => {
        if (error !== null) reject(error)
        else if (failure !== undefined) reject(new Error(failure))
        else resolve()
      },
      event => {
        failure ??= event.error
        const line = plainText(event.stream?.trimEnd() ?? "")
        if (line !== "") print(line)
      },
    )
  })
}

/** Dockerode (seen in 4.0.12) hands on what a command has printed as Base64, what BuildKit says itself as text. */
function plainText(line: string): string {
  const bytes = Buffer.from(line, "base64")
  const isBase64 = line.length >= 8 && bytes.toString("base64") === line
  const decoded = bytes.toString("utf8")
  return isBase64 && !decoded.includes("\ufffd") ? decoded.trimEnd() : line
}
