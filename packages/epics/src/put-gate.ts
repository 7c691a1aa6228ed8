/**
 * Keeps a channel from having two writes with completion outstanding. Servers take one at a time: a second one waits for the
 * first in the server and, over Channel Access, holds up everything else of this client.
 */
export class PutGate {
  /** Ends when the server has answered the last write with completion. */
  #outstanding: Promise<void> | null = null

  /**
   * Writes by `send`. While a completion is outstanding a newer value goes as a plain write: it is complete when the server has
   * finished everything on this record, which the outstanding completion tells. `refused` knows the server's "no" from
   * a broken connection.
   */
  put(
    send: (completion: boolean) => Promise<void>,
    completion: boolean,
    refused: (error: unknown) => boolean,
  ): Promise<void> {
    if (!completion) return send(false)
    const before = this.#outstanding
    if (before !== null) return send(false).then(() => before)
    const putting = send(true)
    const outstanding = putting.catch(error => {
      // That the server refused it says nothing about a newer value; that the connection broke does.
      if (!refused(error)) throw error
    })
    const over = () => {
      if (this.#outstanding === outstanding) this.#outstanding = null
    }
    outstanding.then(over, over)
    this.#outstanding = outstanding
    return putting
  }
}
