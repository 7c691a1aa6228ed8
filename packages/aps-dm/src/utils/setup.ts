import { DmClient } from "../client/index.ts"
import { type DmSettings, dmConfig } from "../config/config.ts"

/**
 * A client for the site that a `dm.setup.sh` describes. The file is read, never run, and the environment of the
 * process is not changed; `settings` win over the environment, and the environment over the file.
 * @throws ConfigurationError when the file cannot be read or has no DM variables.
 */
export const dmSetup = (filename: string, settings: DmSettings = {}): DmClient =>
  new DmClient(dmConfig.fromSetupFile(filename, settings))
