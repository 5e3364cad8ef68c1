export interface Sample {
  name: string
  labels: Record<string, string>
  value: number
}

const helpLine = /^# HELP ([a-zA-Z_:][\w:]*) \S.*$/
const typeLine = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary|untyped)$/
const sampleLine = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (-?[\d.]+(?:e[+-]?\d+)?|\+Inf|-Inf|NaN)$/
const label = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y

/** Reads Prometheus' text format 0.0.4, strictly. @throws on any line that a scraper would refuse */
export function parseMetrics(text: string): { types: Map<string, string>; samples: Sample[] } {
  if (!text.endsWith('\n')) throw new Error('the last line must end with a line feed')
  const types = new Map<string, string>()
  const samples: Sample[] = []
  for (const line of text.split('\n')) {
    if (line === '' || helpLine.test(line)) continue
    const type = typeLine.exec(line)
    if (type?.[1] && type[2]) {
      if (types.has(type[1])) throw new Error(`${type[1]} is there twice`)
      types.set(type[1], type[2])
      continue
    }
    const sample = sampleLine.exec(line)
    if (!sample?.[1] || !sample[3]) throw new Error(`not a line of the format: ${line}`)
    const value = sample[3].endsWith('Inf') ? Number.POSITIVE_INFINITY : Number(sample[3])
    samples.push({ name: sample[1], labels: parseLabels(sample[2] ?? ''), value })
  }
  return { types, samples }
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  label.lastIndex = 0
  while (label.lastIndex < text.length) {
    const found = label.exec(text)
    if (!found?.[1] || found[2] === undefined) throw new Error(`not labels: ${text}`)
    if (found[1] in labels) throw new Error(`${found[1]} is there twice: ${text}`)
    labels[found[1]] = found[2]
  }
  return labels
}
