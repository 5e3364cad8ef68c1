import { type Point, pointsKept } from '../../shared/state.ts'
import { Ring } from '../kit/ring.ts'

/** The last five minutes of one upstream, one point a second, the oldest first. */
export class PointSeries {
  readonly #ring = new Ring<Point>(pointsKept)

  push(point: Point): void {
    this.#ring.push(point)
  }

  toArray(): Point[] {
    return this.#ring.toArray()
  }

  /** The points after this epoch second. */
  since(second: number): Point[] {
    const points = this.#ring.toArray()
    const first = points.findIndex((point) => point.t > second)
    return first < 0 ? [] : points.slice(first)
  }

  clear(): void {
    this.#ring.clear()
  }
}
