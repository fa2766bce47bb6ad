"use strict";
// map.js draws the map of embeddings: marks on a canvas, and the image of the mark at the pointer.

const markSize = 3.5; // half the side of a mark, in pixels
const reach = 14; // largest distance of the pointer from a mark that it shows, in pixels
const thumbSide = 112; // of the thumbnail, in pixels

// Marks tell classes apart without colors. Each adds its outline, of size s around (x, y), to a path.
const marks = [
	(c, x, y, s) => c.arc(x, y, s, 0, 2 * Math.PI),
	(c, x, y, s) => c.rect(x - s, y - s, 2 * s, 2 * s),
	(c, x, y, s) => polygon(c, x, y, 1.3 * s, 3, -Math.PI / 2),
	(c, x, y, s) => polygon(c, x, y, 1.3 * s, 4, 0),
	(c, x, y, s) => polygon(c, x, y, 1.3 * s, 3, Math.PI / 2),
	(c, x, y, s) => { c.rect(x - 1.3 * s, y - 0.45 * s, 2.6 * s, 0.9 * s); c.rect(x - 0.45 * s, y - 1.3 * s, 0.9 * s, 2.6 * s); },
	(c, x, y, s) => polygon(c, x, y, 1.2 * s, 6, 0),
	(c, x, y, s) => c.rect(x - 1.4 * s, y - 0.5 * s, 2.8 * s, s),
	(c, x, y, s) => c.rect(x - 0.5 * s, y - 1.4 * s, s, 2.8 * s),
	(c, x, y, s) => polygon(c, x, y, 1.3 * s, 5, -Math.PI / 2),
];

function polygon(c, x, y, s, corners, turn) {
	for (let k = 0; k < corners; k++) {
		const angle = turn + 2 * Math.PI * k / corners;
		c[k ? "lineTo" : "moveTo"](x + s * Math.cos(angle), y + s * Math.sin(angle));
	}
	c.closePath();
}

// classColor returns the color of one of some classes.
function classColor(label, classes) {
	const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
	if (label < 0) return cssColor("soft");
	return `hsl(${Math.round(360 * label / Math.max(classes, 1) + 210) % 360} 75% ${isDark ? 66 : 40}%)`;
}

// drawMark draws the mark of a class.
function drawMark(c, x, y, size, label, classes) {
	c.fillStyle = classColor(label, classes);
	c.beginPath();
	marks[Math.max(label, 0) % marks.length](c, x, y, size);
	c.fill();
}

// decodePoints returns the principal components of a map, an array for each point.
function decodePoints(m) {
	const bytes = Uint8Array.from(atob(m.values), ch => ch.charCodeAt(0));
	const view = new DataView(bytes.buffer);
	return Array.from({ length: m.n }, (_, i) =>
		Array.from({ length: m.d }, (_, j) => view.getInt16(2 * (i * m.d + j), true) / 32767));
}

// seededRandom returns a generator of numbers in 0 … 1, so that UMAP gives the same map each time (mulberry32).
function seededRandom(seed) {
	return () => {
		seed = seed + 0x6D2B79F5 | 0;
		let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
		t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
		return ((t ^ t >>> 14) >>> 0) / 4294967296;
	};
}

// umapOf returns the UMAP of points. It pauses between its epochs, so that the page stays responsive; progress gets the fraction that is done.
async function umapOf(points, progress) {
	const umap = new UMAP.UMAP({ nNeighbors: Math.min(15, points.length - 1), minDist: 0.1, random: seededRandom(1) });
	const epochs = umap.initializeFit(points);
	let paused = performance.now();
	for (let k = 0; k < epochs; k++) {
		umap.step();
		if (performance.now() - paused < 30) continue;
		progress((k + 1) / epochs);
		await new Promise(resolve => setTimeout(resolve));
		paused = performance.now();
	}
	return umap.getEmbedding();
}

// MapView is the map on the page.
class MapView {
	constructor(data) {
		this.data = data;
		this.canvas = document.getElementById("map-canvas");
		this.tip = document.getElementById("map-tip");
		this.thumb = document.getElementById("map-thumb");
		this.state = document.getElementById("map-state");
		this.choice = document.getElementById("map-choice");
		this.method = document.getElementById("map-method");
		this.computed = new Map(); // positions by choice and method
		for (const control of [this.choice, this.method]) control.addEventListener("change", () => this.show());
		this.canvas.addEventListener("pointermove", e => this.point(e));
		this.canvas.addEventListener("pointerdown", e => this.point(e));
		this.canvas.addEventListener("pointerleave", () => this.select(-1));
		this.canvas.addEventListener("keydown", e => this.key(e));
		this.canvas.addEventListener("blur", () => this.select(-1));
		addEventListener("resize", () => this.draw());
		matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.legend(); this.draw(); });
		this.show();
	}

	// show computes the chosen map, unless it was computed before, and draws it.
	async show() {
		const [index, method] = [this.choice.value, this.method.value];
		const key = index + method;
		this.map = this.data.maps[index];
		this.sprite = this.data.sprites[this.map.sprite];
		if (!this.computed.has(key)) {
			const points = decodePoints(this.map);
			this.state.textContent = method === "umap" ? "computing…" : "";
			await new Promise(resolve => setTimeout(resolve)); // shows the text
			this.computed.set(key, method === "pca" ? points : await umapOf(points, f => { this.state.textContent = `computing: ${Math.round(100 * f)} %`; }));
		}
		if (key !== this.choice.value + this.method.value) return; // another one was chosen meanwhile
		this.positions = this.computed.get(key);
		this.state.textContent = `${this.map.n} images` + (method === "pca" ? `; the two directions hold ${Math.round(100 * this.map.explained)} % of the variance` : "");
		this.selected = -1;
		this.legend();
		this.draw();
	}

	label(i) {
		return this.sprite.labels ? this.sprite.labels[i] : 0;
	}

	numClasses() {
		return this.sprite.labels ? this.sprite.classes.length : 1;
	}

	// layOut computes the places of the marks on the canvas: the extent of the positions fills it.
	layOut() {
		const pad = 16, width = this.canvas.clientWidth, height = this.canvas.clientHeight;
		const range = k => {
			const values = this.positions.map(p => p[k]);
			return [Math.min(...values), Math.max(...values)];
		};
		const [x0, x1] = range(0), [y0, y1] = range(1);
		const place = (v, from, to, size) => pad + (to > from ? (v - from) / (to - from) : 0.5) * (size - 2 * pad);
		this.places = this.positions.map(p => [place(p[0], x0, x1, width), height - place(p[1], y0, y1, height)]);
		this.order = this.places.map((_, i) => i).sort((a, b) => this.places[a][0] - this.places[b][0]);
	}

	draw() {
		if (!this.positions) return;
		this.layOut();
		const scale = devicePixelRatio || 1, c = this.canvas.getContext("2d");
		this.canvas.width = scale * this.canvas.clientWidth;
		this.canvas.height = scale * this.canvas.clientHeight;
		c.scale(scale, scale);
		c.globalAlpha = 0.8;
		this.places.forEach(([x, y], i) => drawMark(c, x, y, markSize, this.label(i), this.numClasses()));
		if (this.selected >= 0) {
			c.globalAlpha = 1;
			c.strokeStyle = cssColor("ink");
			c.lineWidth = 2;
			c.beginPath();
			c.arc(...this.places[this.selected], 3 * markSize, 0, 2 * Math.PI);
			c.stroke();
		}
	}

	// point selects the mark next to the pointer.
	point(event) {
		if (!this.places) return;
		let nearest = -1, least = reach;
		this.places.forEach(([x, y], i) => {
			const distance = Math.hypot(x - event.offsetX, y - event.offsetY);
			if (distance < least) [nearest, least] = [i, distance];
		});
		this.select(nearest);
	}

	// key moves the selection to the next mark on the left or on the right.
	key(event) {
		const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
		if (event.key === "Escape") this.select(-1);
		if (!move || !this.places) return;
		event.preventDefault();
		const at = this.selected < 0 ? -1 : this.order.indexOf(this.selected);
		this.select(this.order[(at + move + this.order.length) % this.order.length]);
	}

	// select shows the image of a mark; −1: none.
	select(i) {
		if (i === this.selected) return;
		this.selected = i;
		this.tip.hidden = i < 0;
		this.draw();
		if (i < 0) return;
		this.showThumb(i);
		const name = this.sprite.labels && this.label(i) >= 0 ? [this.sprite.classes[this.label(i)]] : [];
		document.getElementById("map-text").textContent = [...name, this.sprite.names[i]].join(": ");
		const [x, y] = this.places[i];
		this.tip.style.left = Math.max(0, Math.min(x + 14, this.canvas.clientWidth - this.tip.offsetWidth)) + "px";
		this.tip.style.top = (y + 14 + this.tip.offsetHeight > this.canvas.clientHeight ? Math.max(0, y - 14 - this.tip.offsetHeight) : y + 14) + "px";
	}

	showThumb(i) {
		const { uri, side, columns, names } = this.sprite, factor = thumbSide / side, s = this.thumb.style;
		s.width = s.height = thumbSide + "px";
		s.backgroundImage = `url("${uri}")`;
		s.backgroundSize = `${columns * thumbSide}px ${Math.ceil(names.length / columns) * side * factor}px`;
		s.backgroundPosition = `${-(i % columns) * thumbSide}px ${-Math.floor(i / columns) * thumbSide}px`;
	}

	// legend lists the classes with their marks.
	legend() {
		const list = document.getElementById("map-legend");
		list.replaceChildren();
		if (!this.sprite.labels) return;
		this.sprite.classes.forEach((name, label) => {
			const item = document.createElement("li"), canvas = document.createElement("canvas"), c = canvas.getContext("2d");
			canvas.width = canvas.height = 32;
			c.scale(2, 2);
			drawMark(c, 8, 8, 5, label, this.numClasses());
			item.append(canvas, name);
			list.append(item);
		});
	}
}
