// What the view says, in the page's language; English where a language has no words here.
let all

export async function wordsFor(language) {
  all ??= fetch(new URL("./words.json", import.meta.url)).then((answer) => answer.json())
  const words = await all
  const wanted = String(language).toLowerCase()
  const name = Object.keys(words).find((each) => each.toLowerCase() === wanted) ??
    Object.keys(words).find((each) => each === wanted.split("-")[0] || each.split("-")[0] === wanted.split("-")[0])
  return { ...words.en, ...words[name] }
}

// The sentence with its {places} filled in.
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole)
