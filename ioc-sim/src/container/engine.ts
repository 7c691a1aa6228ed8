/** The container engine of this machine, reached through testcontainers: an optional dependency, loaded when it is needed. */
import { IocSimError } from "../errors.ts"

type Testcontainers = typeof import("testcontainers")

/** A container engine that answers. */
export interface Engine {
  readonly testcontainers: Testcontainers
  readonly client: Awaited<ReturnType<Testcontainers["getContainerRuntimeClient"]>>
}

/** Seconds until an engine that is configured and does not answer counts as none. */
const patience = 10

/**
 * Finds the engine (Docker, or what answers in its place): `DOCKER_HOST`, or the usual sockets.
 * @throws IocSimError `container-engine-not-found`, within ten seconds, saying how to get what is missing.
 */
export async function containerEngine(
  load: () => Promise<Testcontainers> = () => import("testcontainers"),
  timeout = patience,
): Promise<Engine> {
  const testcontainers = await load().catch((cause: unknown) => {
    throw missing("testcontainers is not installed: `npm install --save-dev testcontainers@11.14.0`", cause)
  })
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeout} s`)), timeout * 1000)
  })
  try {
    return {
      testcontainers,
      client: await Promise.race([testcontainers.getContainerRuntimeClient(), tooLong]),
    }
  } catch (cause) {
    const where = process.env["DOCKER_HOST"] ?? "the usual sockets"
    throw missing(
      `no engine answers at ${where}; install and start one (Docker, Debian's docker.io, Podman's Docker socket), ` +
        "or name its address in DOCKER_HOST",
      cause,
    )
  } finally {
    clearTimeout(timer)
  }
}

function missing(reason: string, cause: unknown): IocSimError {
  return new IocSimError("container-engine-not-found", `containers cannot be started here: ${reason}`, {
    cause,
  })
}
