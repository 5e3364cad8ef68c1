import { type RefCallback, useCallback, useState } from 'react'

/** The width of an element in whole pixels, 0 before it is known. Charts get it as a number: recharts' own container measures on each render. */
export function useWidth<E extends HTMLElement>(): [ref: RefCallback<E>, width: number] {
  const [width, setWidth] = useState(0)
  const ref: RefCallback<E> = useCallback((element) => {
    if (!element) return
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)))
    observer.observe(element)
    return () => observer.disconnect()
  }, [])
  return [ref, width]
}
