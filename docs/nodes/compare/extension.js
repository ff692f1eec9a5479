// Shows on a node what it sends under "faceveil": before and after under a slider, and the verdict as bars.
// The page's own compare view is not used: it exists in Nodes 2.0 alone and no keyboard moves it.
import { app } from "../../../scripts/app.js"
import { api } from "../../../scripts/api.js"
import { View } from "./view.js"
import { wordsFor } from "./words.js"

const WIDTH = 340
const VIEW = "faceveil_view"
const views = new WeakMap()
let words

const address = (file) => api.apiURL(`/view?${new URLSearchParams(file)}`)

function language() {
  // Older pages have neither of the two.
  return app.extensionManager?.setting?.get?.("Comfy.Locale") || document.documentElement.lang || navigator.language
}

// On screen, how many pixels one of the node's is wide.
const zoom = () => (app.canvas?.ds?.scale || 1) * (window.devicePixelRatio || 1)

function viewOf(node) {
  if (views.has(node)) return views.get(node)
  const view = new View(words, zoom)
  views.set(node, view)
  const widget = node.addDOMWidget(VIEW, VIEW, view.root, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: () => view.height(),
  })
  widget.serialize = false
  widget.label = words.view
  return view
}

// The last of the live previews has done its work: what came of it is seen now.
function endPreview(node) {
  // Where the page keeps them; there is no public way. If that moves, the last preview stays, and nothing else.
  const kept = app.extensionManager?._p?._s?.get?.("nodeOutput")
  const inside = node.graph && node.graph !== (app.rootGraph ?? app.graph)
  kept?.revokePreviewsByLocatorId?.(inside ? `${node.graph.id}:${node.id}` : String(node.id))
  node.imgs = undefined
  const at = node.widgets.findIndex((widget) => widget.name === "$$canvas-image-preview")
  if (at >= 0) node.widgets.splice(at, 1)
}

function show(node, rows) {
  if (!rows?.length) return
  const view = viewOf(node)
  view.show(rows.map(({ verdict, views }) => ({ verdict, views: Object.fromEntries(
    Object.entries(views).map(([name, file]) => [name, address(file)])) })))
  endPreview(node)
  const [width, height] = node.computeSize()
  node.setSize([Math.max(node.size[0], width, WIDTH), Math.max(node.size[1], height)])
  node.setDirtyCanvas?.(true, true)
}

// A fault here must cost the page nothing but this view.
function shown(node, output) {
  try {
    show(node, output?.faceveil)
  } catch (error) {
    console.warn("FaceVeil could not show its result:", error)
  }
}

app.registerExtension({
  name: "FaceVeil.Compare",
  async init() {
    words = await wordsFor(language())
  },
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (!nodeData.name.startsWith("FaceVeil")) return
    const before = nodeType.prototype.onExecuted
    nodeType.prototype.onExecuted = function (output) {
      before?.apply(this, arguments)
      shown(this, output)
    }
  },
  // From the start, empty: an app names the view among its inputs, and the page drops what a node does not have.
  nodeCreated(node) {
    if (words && node.comfyClass === "FaceVeilProtect") viewOf(node)
  },
  // Another tab and back, or a step undone, makes the nodes anew and runs none.
  onNodeOutputsUpdated(outputs) {
    for (const node of app.graph?.nodes ?? []) if (!views.get(node)?.rows.length) shown(node, outputs?.[node.id])
  },
  loadedGraphNode(node) {
    shown(node, app.nodeOutputs?.[node.id])
  },
})
