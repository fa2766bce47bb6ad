"use strict";
// page.js starts what the report draws.
{
	const data = JSON.parse(document.getElementById("data").textContent);
	const charts = data.charts ? drawCharts(data) : [];
	if (data.maps) new MapView(data);
	if (document.getElementById("live")) new LivePage(data, charts);
}
