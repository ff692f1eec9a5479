// Before and after under a slider, one picture of the batch at a time, and the verdict below. Knows nothing of ComfyUI.
import { verdictOf } from "./verdict.js"
import { fill } from "./words.js"

export function element(kind, className, given = {}) {
  const made = document.createElement(kind)
  if (className) made.className = className
  return Object.assign(made, given)
}

function styled() {
  const address = new URL("./compare.css", import.meta.url).href
  if (document.querySelector(`link[href="${address}"]`)) return
  document.head.append(element("link", "", { rel: "stylesheet", href: address }))
}

// Keys that move the slider would otherwise move the canvas or a selected node as well.
const KEYS = /^(Arrow|Home$|End$|Page| $|Enter$|Spacebar$)/

export class View {
  constructor(words, zoom) {
    styled()
    Object.assign(this, { words, zoom, rows: [], at: 0, close: false })
    this.root = element("div", "faceveil-view")
    this.root.setAttribute("role", "group")
    this.root.setAttribute("aria-label", words.view)
    // Taken out of the page and put back, as another way of drawing nodes does, it would have stopped to look.
    this.root.addEventListener("pointerenter", () => this.#keepLifeSize())
    this.root.addEventListener("keydown", (event) => KEYS.test(event.key) && event.stopPropagation())
    for (const kind of ["pointerdown", "mousedown", "dblclick"])
      this.root.addEventListener(kind, (event) => event.button !== 1 && event.stopPropagation())
    this.root.append(this.#buttons(), this.#stage())
    this.verdict = element("div", "faceveil-verdict")
    this.root.append(this.verdict)
    this.root.hidden = true
  }

  #buttons() {
    const { words } = this
    const button = (text, pressed) => {
      const made = element("button", "", { type: "button", textContent: text })
      made.addEventListener("click", pressed)
      return made
    }
    this.whole = button(words.whole, () => this.look(false))
    this.worst = button(words.close, () => this.look(true))
    this.worst.title = words.close_hint
    this.previous = button("‹", () => this.turn(-1))
    this.next = button("›", () => this.turn(1))
    this.previous.setAttribute("aria-label", words.previous)
    this.next.setAttribute("aria-label", words.next)
    this.count = element("span", "faceveil-count")
    this.count.setAttribute("aria-live", "polite")
    this.pages = element("span", "faceveil-pages")
    this.pages.append(this.previous, this.count, this.next)
    this.looks = element("span", "faceveil-looks")
    this.looks.append(this.whole, this.worst)
    const made = element("div", "faceveil-buttons")
    made.append(this.looks, this.pages)
    return made
  }

  #stage() {
    const { words } = this
    this.stage = element("div", "faceveil-stage")
    this.after = element("img", "", { alt: words.alt_after, draggable: false })
    this.before = element("img", "faceveil-before", { alt: words.alt_before, draggable: false })
    this.line = element("div", "faceveil-line", { ariaHidden: "true" })
    this.slider = element("input", "", { type: "range", min: 0, max: 100, step: 1, value: 50 })
    this.slider.setAttribute("aria-label", words.slider)
    this.slider.addEventListener("input", () => this.move())
    const tag = (text, side) => element("span", `faceveil-tag faceveil-${side}`, { textContent: text })
    this.stage.append(this.after, this.before, this.line, tag(words.before, "left"), tag(words.after, "right"))
    this.stage.append(this.slider)
    this.move()
    return this.stage
  }

  // The rows of a run: for each picture { verdict, views } with addresses.
  show(rows) {
    Object.assign(this, { rows, at: 0 })
    this.root.hidden = false
    this.#draw()
  }

  turn(by) {
    this.at = Math.min(Math.max(this.at + by, 0), this.rows.length - 1)
    this.#draw()
  }

  look(close) {
    this.close = close
    this.#draw()
  }

  move() {
    const share = Number(this.slider.value)
    this.before.style.clipPath = `inset(0 ${100 - share}% 0 0)`
    this.line.style.left = `${share}%`
    this.slider.setAttribute("aria-valuetext", fill(this.words.moved, { share }))
  }

  // What the node has to leave room for.
  height() {
    if (this.root.hidden) return 0
    const bars = this.verdict.querySelectorAll(".faceveil-row").length
    return (this.stage.hidden ? 0 : 300) + 110 + 34 * Math.min(bars, 6)
  }

  #draw() {
    const { verdict, views } = this.rows[this.at]
    this.stage.hidden = !views.before
    this.worst.hidden = this.whole.hidden = !views.close_before
    const close = this.close && Boolean(views.close_before)
    this.before.src = (close ? views.close_before : views.before) ?? ""
    this.after.src = (close ? views.close_after : views.after) ?? ""
    this.stage.classList.toggle("faceveil-close", close)
    this.whole.setAttribute("aria-pressed", String(!close))
    this.worst.setAttribute("aria-pressed", String(close))
    this.pages.hidden = this.rows.length < 2
    this.count.textContent = fill(this.words.count, { at: this.at + 1, of: this.rows.length })
    this.previous.disabled = this.at === 0
    this.next.disabled = this.at === this.rows.length - 1
    this.verdict.replaceChildren(...(verdict ? verdictOf(verdict, this.words) : []))
    this.#keepLifeSize()
  }

  // A pixel of the picture stays a pixel of the screen, however the canvas is zoomed.
  #keepLifeSize() {
    cancelAnimationFrame(this.frame)
    if (!this.stage.classList.contains("faceveil-close")) return
    for (const image of [this.before, this.after])
      image.style.setProperty("--faceveil-zoom", String(1 / this.zoom()))
    if (this.root.isConnected) this.frame = requestAnimationFrame(() => this.#keepLifeSize())
  }
}
