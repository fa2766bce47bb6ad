"use strict";
// charts.js draws the charts of the report with uPlot.

// dashes tell the lines of runs apart without colors; the last is that of limits.
const dashes = [[], [9, 4], [2, 3], [10, 3, 2, 3], [5, 2], [14, 4], [2, 6], [8, 3, 2, 3, 2, 3]];
const limitDash = [1, 4];

// cssColor returns a color of the style sheet.
function cssColor(name) {
	return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}

// shortNumber returns a number with few digits.
function shortNumber(v) {
	if (v === 0) return "0";
	const size = Math.abs(v);
	if (size >= 1e6 || size < 1e-3) return v.toExponential(2).replace(/\.?0+e/, "e");
	return String(Number(v.toPrecision(4)));
}

// lineSeries returns the options of uPlot for a line.
function lineSeries(line, isAlone) {
	return {
		label: line.name,
		...lineStyle(line, isAlone),
		width: 2,
		spanGaps: true,
		points: { show: line.x.length < 30, size: 6 },
		value: (_, v) => v == null ? "–" : shortNumber(v),
	};
}

// lineNumber returns the number that chooses color and dashes of a line: those of the metric if there is one run, else those of the run.
function lineNumber(line, isAlone) {
	return (isAlone ? line.part : line.run) % dashes.length;
}

// lineStyle returns the color and the dashes of a line.
function lineStyle(line, isAlone) {
	if (line.limit) return { stroke: cssColor("warn-line"), dash: limitDash };
	const number = lineNumber(line, isAlone);
	return { stroke: cssColor("run" + number), dash: dashes[number] };
}

// markerFill returns the background of a line's marker in the legend: a piece of the line.
function markerFill(line, isAlone) {
	const { stroke, dash } = lineStyle(line, isAlone);
	let end = 0;
	const parts = dash.map((length, i) => `${i % 2 ? "transparent" : stroke} ${end}px ${end += length}px`);
	return parts.length ? `repeating-linear-gradient(to right, ${parts.join(", ")})` : stroke;
}

// axis returns the options of an axis.
function axis(size) {
	return {
		stroke: cssColor("soft"), grid: { stroke: cssColor("line"), width: 1 }, ticks: { stroke: cssColor("line") }, size,
		values: (_, all) => all.map(v => v == null ? "" : shortNumber(v)), font: "12px system-ui, sans-serif",
	};
}

// wholeSteps are the distances of marks on the axis of steps.
const wholeSteps = Array.from({ length: 10 }, (_, k) => [1, 2, 5].map(v => v * 10 ** k)).flat();

// chartOptions returns the options of uPlot for a chart of the steps from 0 to the last.
function chartOptions(chart, isLog, isAlone, last, width) {
	return {
		width, height: 240,
		scales: { x: { time: false, min: 0, max: last }, y: isLog ? { distr: 3 } : {} },
		axes: [{ ...axis(34), incrs: wholeSteps, values: (_, all) => all.map(String) }, axis(58)],
		series: [{ label: "step", value: (_, v) => v == null ? "–" : String(v) }, ...chart.lines.map(l => lineSeries(l, isAlone))],
		cursor: { sync: { key: "steps" }, drag: { x: true, y: false } },
		legend: { live: true, markers: { width: 0, fill: (_, i) => markerFill(chart.lines[i - 1], isAlone) } },
	};
}

// ChartView is a chart on the page with its buttons.
class ChartView {
	constructor(chart, isAlone, last) {
		this.isAlone = isAlone;
		this.holder = document.getElementById(chart.id);
		this.logButton = document.querySelector(`[data-log="${chart.id}"]`);
		this.take(chart, last);
		this.isLog = chart.log && this.isPositive;
		this.logButton.addEventListener("click", () => this.toggleLog());
		document.querySelector(`[data-reset="${chart.id}"]`).addEventListener("click", () => this.plot.setScale("x", { min: 0, max: this.last }));
		this.draw();
	}

	// take takes over the lines of a chart.
	take(chart, last) {
		this.chart = chart;
		this.last = last;
		this.isPositive = chart.lines.every(l => l.y.every(v => v > 0));
		this.logButton.hidden = !this.isPositive;
		this.data = uPlot.join(chart.lines.map(l => [l.x, l.y]));
	}

	// renew draws longer lines. A part of the steps that was chosen stays.
	renew(chart, last) {
		const { min, max } = this.plot.scales.x, isWhole = min === 0 && max === this.last;
		this.take(chart, last);
		if (this.isLog && !this.isPositive) this.toggleLog();
		this.plot.setData(this.data, false);
		this.plot.setScale("x", isWhole ? { min: 0, max: last } : { min, max });
	}

	toggleLog() {
		this.isLog = !this.isLog;
		this.draw();
	}

	draw() {
		if (this.plot) this.plot.destroy();
		this.logButton.setAttribute("aria-pressed", String(this.isLog));
		this.plot = new uPlot(chartOptions(this.chart, this.isLog, this.isAlone, this.last, this.holder.clientWidth), this.data, this.holder);
	}

	resize() {
		this.plot.setSize({ width: this.holder.clientWidth, height: 240 });
	}
}

// lastStep returns the last step of all charts.
function lastStep(data) {
	return Math.max(...data.charts.flatMap(c => c.lines.map(l => l.x[l.x.length - 1])));
}

// drawCharts draws all charts, and again when the window or the color scheme changes. It returns their views.
function drawCharts(data) {
	const last = lastStep(data);
	const views = data.charts.map(c => new ChartView(c, data.runs.length === 1, last));
	addEventListener("resize", () => views.forEach(v => v.resize()));
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => views.forEach(v => v.draw()));
	return views;
}
