// The verdict in words and bars. Nothing is said by colour alone.
import { element } from "./view.js"
import { fill } from "./words.js"

const percent = (share) => `${Math.round(100 * Math.min(Math.max(share, 0), 1))}%`

export function verdictOf(verdict, words) {
  const title = element("div", `faceveil-headline faceveil-${verdict.state}`, { textContent: headline(verdict, words) })
  title.setAttribute("role", "status")
  const parts = [title]
  if (verdict.state === "hidden" && verdict.independent === false)
    parts.push(element("div", "faceveil-note", { textContent: words.no_judge }))
  verdict.faces.forEach((rows, index) => {
    const list = element("ul", "faceveil-bars")
    const name = fill(words.face, { number: verdict.numbers?.[index] ?? index })
    list.setAttribute("aria-label", verdict.faces.length > 1 ? name : words.bars)
    if (verdict.faces.length > 1) parts.push(element("div", "faceveil-note", { textContent: name }))
    list.append(...rows.map((row) => barOf(row, words)))
    parts.push(list)
  })
  return parts
}

function headline({ state, matched_before, hidden }, words) {
  const mark = state === "hidden" ? "✓ " : "⚠ "
  if (["untouched", "unknown", "edited"].includes(state)) return mark + words[state]
  if (matched_before === 1) return mark + words[hidden ? "one_hidden" : "one_knows"]
  return mark + fill(words.some_hidden, { hidden, matched_before })
}

function barOf(row, words) {
  const made = element("li", `faceveil-row faceveil-row-${row.state}`)
  const name = element("span", "faceveil-name", { textContent: row.name })
  const who = element("span", "faceveil-state", { textContent: words[`row_${row.state}`] })
  const head = element("div", "faceveil-head")
  head.append(name, who)
  const track = element("div", "faceveil-track")
  const bar = element("div", "faceveil-bar")
  bar.style.width = percent(row.after)
  track.append(bar)
  if (row.threshold !== null) {
    const tick = element("div", "faceveil-tick")
    tick.style.left = percent(row.threshold)
    track.append(tick)
  }
  const figures = {
    role: row.judge ? words.judge : words.surrogate,
    before: row.before.toFixed(3),
    after: row.after.toFixed(3),
    copy: words[`copy_${row.copy}`],
    threshold: row.threshold === null ? "–" : row.threshold.toFixed(3),
  }
  made.title = fill(words.figures, figures)
  track.setAttribute("role", "img")
  track.setAttribute("aria-label", made.title)
  made.append(head, track)
  return made
}
