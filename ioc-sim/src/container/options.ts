/** What callers may choose. Nothing here knows testcontainers: its types are not needed to use this package. */

/** How the image is made. Everything has a default. */
export interface SoftIocImageOptions {
  /**
   * The image to build upon: any Linux with glibc and a Python 3.11 or newer that can make virtual environments.
   * Default: `OPHYD_TS_CONTAINER_BASE`, else `python:3.12-slim`.
   */
  readonly base?: string
  /** Gets each line of progress while the image is made. Default: nobody. */
  readonly report?: (line: string) => void
}

/** What to serve, and from which image. */
export interface ContainerIocOptions extends SoftIocImageOptions {
  /** Database files of this machine. Without any, and without `text`: the beamline, all of `db/`, with `P` for its prefix. */
  readonly database?: string | URL | readonly (string | URL)[]
  /** Records written in place, loaded after the files. */
  readonly text?: string
  /** Values for `$(NAME)` in files and text. A value may hold neither comma, quote nor backslash. */
  readonly macros?: Readonly<Record<string, string>>
  /** An image made from this package's Dockerfile, when the caller has one. Default: it is made when it is missing. */
  readonly image?: string
  /** TCP ports, when the caller has to choose them. Default: free ones. */
  readonly ports?: { readonly ca?: number; readonly pva?: number }
  /** Seconds until a start that has not been completed fails; making an image does not count. Default 60. */
  readonly timeout?: number
}
