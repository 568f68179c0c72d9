/** What of a report can be seen, measured in the browser. The script is text: this code base has no types of a DOM. */

export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface Text {
  readonly text: string;
  readonly size: number;
  /** To the ground behind it. */
  readonly contrast: number;
}

export interface Line {
  readonly box: Box;
  readonly contrast: number;
  readonly length: number;
  readonly points: number;
}

export interface Plot {
  readonly title: string;
  readonly box: Box;
  readonly lines: readonly Line[];
  readonly ticks: readonly (Box & { readonly text: string })[];
}

export interface Look {
  /** Where it is more than the window's, the page must be scrolled sideways. */
  readonly pageWidth: number;
  readonly ground: string;
  readonly plots: readonly Plot[];
  readonly texts: readonly Text[];
  /** The values of where the mouse is. */
  readonly tips: readonly (Box & { readonly text: string })[];
}

export const LOOK = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (color) => {
    canvas.fillStyle = '#000';
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (color) => {
    const [r, g, b] = rgb(color).map((part) => {
      const s = part / 255;
      return s <= 0.03928 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };
  const boxOf = (element) => {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    return { left, right, top, bottom };
  };
  const shown = (element) => element.checkVisibility();
  const ground = getComputedStyle(document.body).backgroundColor;
  const groundOf = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (color !== 'rgba(0, 0, 0, 0)') return color;
    }
    return ground;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim();
    const element = walker.currentNode.parentElement;
    if (text === '' || !shown(element)) continue;
    const { fontSize, color } = getComputedStyle(element);
    texts.push({ text, size: Number.parseFloat(fontSize), contrast: contrast(color, groundOf(element)) });
  }
  return {
    pageWidth: document.documentElement.scrollWidth,
    ground,
    texts,
    tips: [...document.querySelectorAll('.tip')].filter(shown)
      .map((element) => ({ text: element.innerText, ...boxOf(element) })),
    plots: [...document.querySelectorAll('figure')].map((figure) => ({
      title: figure.querySelector('figcaption').textContent,
      box: boxOf(figure.querySelector('.plot > svg')),
      lines: [...figure.querySelectorAll('.plot path.line')].map((path) => ({
        box: boxOf(path),
        length: path.getTotalLength(),
        points: path.getAttribute('d').match(/[MLH]/g).length,
        contrast: contrast(getComputedStyle(path).stroke, ground),
      })),
      ticks: [...figure.querySelectorAll('.tick')]
        .map((element) => ({ text: element.textContent, ...boxOf(element) })),
    })),
  };
})()`;
