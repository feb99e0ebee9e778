/** What grows at its end stays in view there, unless somebody has scrolled away. */

export function follow(element: HTMLElement, grow: () => void): void {
  const { scrollTop, scrollHeight, clientHeight } = element;
  const isAtEnd = scrollTop + clientHeight >= scrollHeight - 8;
  grow();
  if (isAtEnd) element.scrollTop = element.scrollHeight;
}
