// A page that is opened as a file may start no worker, which the search is: there, a hidden frame takes its place.
class IFrameWorker extends EventTarget {
  constructor(address) {
    super()
    const frame = document.createElement("iframe")
    frame.hidden = true
    document.body.append(frame)
    this.inside = frame.contentWindow
    this.inside.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
    this.loaded = this.load(address)
    this.inside.importScripts = async (...more) => {
      for (const each of more) await this.load(each)
    }
  }

  load(address) {
    return new Promise((done, failed) => {
      const script = this.inside.document.createElement("script")
      Object.assign(script, { src: address, onload: done, onerror: failed })
      this.inside.document.body.append(script)
    })
  }

  async postMessage(data) {
    await this.loaded
    this.inside.dispatchEvent(new MessageEvent("message", { data }))
  }

  terminate() {
    this.inside.frameElement.remove()
  }
}

if (location.protocol === "file:") Object.assign(window, { IFrameWorker, Worker: IFrameWorker })
