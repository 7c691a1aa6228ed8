/** Starts a container whose IOC clients outside can reach, and takes away what remains of one that did not start. */
import type { StartedTestContainer } from "testcontainers"
import type { Engine } from "./engine.ts"
import { platformOf } from "./image.ts"
import { IocIsUp } from "./ready.ts"

export interface ContainerPlan {
  readonly image: string
  readonly command: readonly string[]
  /** Files of this machine by their path inside. */
  readonly files: Readonly<Record<string, string>>
  /** Texts by their path inside. */
  readonly texts: Readonly<Record<string, string>>
  /** Address at which this process reaches mapped ports. */
  readonly host: string
  /** TCP ports, the same inside and outside. */
  readonly ports: { readonly ca: number; readonly pva: number }
  readonly environment: Readonly<Record<string, string>>
  /** Seconds. */
  readonly timeout: number
  /** Gets all that the IOC prints. */
  readonly heard: (text: string) => void
}

/**
 * A server answers searches with its own port, and libca and pvxs go there even when they have asked a name server
 * elsewhere. So each port is mapped to the port of the same number.
 */
export async function startContainer(engine: Engine, plan: ContainerPlan): Promise<StartedTestContainer> {
  const { image, command, files, texts, host, environment, timeout, heard } = plan
  const ports = [plan.ports.ca, plan.ports.pva]
  const { GenericContainer } = engine.testcontainers
  let created: string | undefined

  class Ioc extends GenericContainer {
    /** Nobody but this machine reaches the IOC when the engine runs here. */
    bindTo(address: string): this {
      for (const port of ports) {
        this.hostConfig.PortBindings[`${port}/tcp`] = [{ HostIp: address, HostPort: String(port) }]
      }
      return this
    }

    protected override async containerCreated(id: string): Promise<void> {
      created = id
    }
  }

  const container = new Ioc(image)
    .withCommand([...command])
    .withEnvironment({ ...environment })
    .withExposedPorts(...ports.map(port => ({ container: port, host: port })))
    .bindTo(host.startsWith("127.") ? host : "")
    .withCopyFilesToContainer(
      Object.entries(files).map(([target, source]) => ({ source, target, mode: 0o644 })),
    )
    .withCopyContentToContainer(
      Object.entries(texts).map(([target, content]) => ({ content, target, mode: 0o644 })),
    )
    .withWaitStrategy(new IocIsUp({ engine, host, ports, timeout, heard }))
  const platform = platformOf(engine)
  if (platform !== undefined) container.withPlatform(platform)
  try {
    return await container.start()
  } catch (error) {
    if (created !== undefined) await remove(engine, created)
    throw error
  }
}

async function remove({ client }: Engine, id: string): Promise<void> {
  try {
    await client.container.getById(id).remove({ force: true, v: true })
  } catch {
    // testcontainers has done so already.
  }
}
