"use strict";
// live.js renews the page of a run that is being trained, from the server that the page came from.

const renewEvery = 2000; // milliseconds

class LivePage {
	constructor(data, charts) {
		this.data = data;
		this.charts = charts;
		this.state = document.getElementById("live");
		setTimeout(() => this.renew(), renewEvery);
	}

	async renew() {
		let page;
		try {
			const response = await fetch("/", { cache: "no-store" });
			if (!response.ok) throw new Error(`status ${response.status}`);
			page = new DOMParser().parseFromString(await response.text(), "text/html");
		} catch (error) {
			this.state.textContent = "marr report --live has ended: this page no longer changes.";
			return;
		}
		const data = JSON.parse(page.getElementById("data").textContent);
		if (!this.hasSameCharts(data)) {
			location.reload();
			return;
		}
		this.data = data;
		for (const selector of ["#overview", "#live", "figure details ul"]) this.replace(page, selector);
		const last = lastStep(data);
		this.charts.forEach((view, i) => view.renew(data.charts[i], last));
		if (this.state.dataset.state === "training") setTimeout(() => this.renew(), renewEvery);
	}

	// hasSameCharts reports whether new data have the lines of those that are drawn.
	hasSameCharts(data) {
		const names = d => JSON.stringify((d.charts || []).map(c => [c.title, c.lines.map(l => l.name)]));
		return names(data) === names(this.data);
	}

	// replace takes over the content of elements that has changed.
	replace(page, selector) {
		const renewed = page.querySelectorAll(selector);
		document.querySelectorAll(selector).forEach((old, i) => {
			if (old.innerHTML === renewed[i].innerHTML && old.dataset.state === renewed[i].dataset.state) return;
			Object.assign(old.dataset, renewed[i].dataset);
			old.replaceChildren(...document.adoptNode(renewed[i]).childNodes);
		});
	}
}
