// A chart of counts by day, beside the table that holds the same.
//
// <div data-chart="id of a JSON block" data-readout="id of an element that tells of the day
//   under the pointer">
// { labels: […], titles: […], series: [{ name, colour: "--token", values: […] }] }

const LEAST_TOP = 4;
const BAR_SHARE = 0.36;
const BAR_MOST = 22;

const token = (name) =>
  window.getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const axis = {
  stroke: () => token("--p-muted"),
  font: "12px Inter Variable, sans-serif",
  ticks: { show: false },
};

const options = (box, { labels, titles, series }, readout) => ({
  width: box.clientWidth,
  height: box.clientHeight,
  padding: [8, 8, 0, 0],
  legend: { show: false },
  cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
  scales: {
    x: { time: false, range: [-0.5, labels.length - 0.5] },
    y: { range: (plot, low, high) => [0, Math.max(LEAST_TOP, high * 1.1)] },
  },
  axes: [
    {
      ...axis,
      size: 28,
      grid: { show: false },
      incrs: [1, 2, 3, 7],
      space: 52,
      values: (plot, numbers) => numbers.map((number) => labels[number] ?? ""),
    },
    {
      ...axis,
      // Room for the digits, and no more.
      size: (plot, words) => 16 + 8 * Math.max(0, ...(words ?? []).map((word) => word.length)),
      grid: { stroke: () => token("--p-line"), width: 1 },
      incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6],
    },
  ],
  series: [
    {},
    ...series.map((one, number) => ({
      fill: () => token(one.colour),
      width: 0,
      points: { show: false },
      // Beside each other: the first ends where the second begins.
      paths: window.uPlot.paths.bars({
        size: [BAR_SHARE, BAR_MOST], align: number ? 1 : -1,
      }),
    })),
  ],
  hooks: {
    setCursor: [({ cursor }) => {
      const day = cursor.idx;
      const told = series.map((one) => `${one.name} ${one.values[day]}`).join(", ");
      readout.textContent = day === null ? "" : `${titles[day]}: ${told}`;
    }],
  },
});

const draw = (box) => {
  const data = JSON.parse(document.getElementById(box.dataset.chart).textContent);
  const readout = document.getElementById(box.dataset.readout);
  const numbers = data.labels.map((label, number) => number);
  const values = [numbers, ...data.series.map((one) => one.values)];
  const plot = new window.uPlot(options(box, data, readout), values, box);
  new ResizeObserver(() => {
    plot.setSize({ width: box.clientWidth, height: box.clientHeight });
  }).observe(box);
  // The canvas knows no style sheet: it is painted anew in the other theme's colours.
  new MutationObserver(() => plot.redraw()).observe(document.documentElement, {
    attributes: true, attributeFilter: ["data-bs-theme"],
  });
};

for (const box of document.querySelectorAll("[data-chart]")) draw(box);
