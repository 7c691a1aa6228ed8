/** A file's path as a `file://localhost/` address, each part escaped. Windows paths become `/C:/…`. */
export function fileUri(path: string): string {
  const parts = path.replaceAll("\\", "/").split("/")
  const escaped = parts.map(part => encodeURIComponent(part).replaceAll("%3A", ":"))
  const absolute = escaped.join("/")
  return `file://localhost${absolute.startsWith("/") ? "" : "/"}${absolute}`
}

/** True for an absolute path on some system. */
export const isAbsolute = (path: string): boolean => /^([\\/]|[A-Za-z]:[\\/])/.test(path)

/** A directory without the separators at its end. */
export const withoutEnd = (path: string): string => path.replace(/[\\/]+$/, "")
